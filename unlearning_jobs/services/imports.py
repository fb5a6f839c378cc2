"""Imports models that were trained elsewhere, by a recipe that is declared and never run here for them, or by none.

The folder is copied to where the worker reads it. The copy goes when the job has ended: what it knows may be erased later.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.formats.assurances import NO_HELD_OUT
from compliance.record.errors import StaleStateError
from unlearning_jobs.checkpoints import base_of, checkpoint_of, require_startable
from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.contracts import JobSpec, ModelRef, Recipe
from unlearning_jobs.engine.errors import CheckpointError, SpecError
from unlearning_jobs.models import CorpusSnapshot, Job
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.states import JobState
from unlearning_jobs.wording import ids_named

from .checkpoints import checkpoint_copy
from .drafts import draft_alone, draft_place
from .jobs import job_create
from .ledger import MOST_NAMED, ledger_lock, require_compared, snapshot_compare
from .trainings import model_cache, recipe_register, require_new, require_seed, snapshot_ref
from .weights import require_new_model, require_not_of_jobs, weights_foreign

FOLDER = "imports"
"""Below ARTEFACTS: copies that wait to be imported."""


def model_import(
    *,
    name: str,
    recipe: Recipe,
    snapshot: CorpusSnapshot,
    seed: int,
    artefact: Path,
    without: Collection[str],
    actor: str,
    behavioural: bool = False,
) -> Job:
    """Start the import of a model as a job; its first version is active once the job completes, and called declared.

    Args:
        name: of the new model.
        recipe: how it is declared to have been trained; of a behavioural model, what methods need to know of it.
        snapshot: what it is declared to have been trained on.
        seed: with which seed.
        artefact: its folder, as transformers wrote it.
        without: the training examples that it is declared not to have been trained on.
        actor: who declares that.
        behavioural: whether nobody declares how it was trained; it is called behavioural then, and so is its version.

    Raises:
        StaleStateError: a model of this name exists or is on its way, the checkpoint of the recipe is not registered, the
            model knows what was erased, or has the weights of a version or a checkpoint that is or was here.
        SpecError: a model of such a recipe cannot be imported, the folder cannot be read or copied, its weights are not
            all finite numbers, the seed is none, a behavioural model would have no held-out examples, or the ledger does
            not name an example as erased that the model is declared to have been trained without.
        ValidationError: the name cannot be that of a model.
        CorpusError: an example does not exist, or the snapshot cannot be read.
        LedgerError: nobody can tell what was erased, because a key is missing.
        LedgerMovedError: something was erased at this moment; call again.
    """
    # 1. Check what is declared.
    require_new(name)
    require_seed(seed)
    snapshot = snapshot_compare(snapshot=snapshot)
    if behavioural and not snapshot.counts.get("held_out"):
        raise SpecError(NO_HELD_OUT)
    _check_without(snapshot, without)
    _require_known_without(name, snapshot.erased_ids - set(without))
    checkpoint = checkpoint_of(recipe)
    require_startable(checkpoint)
    weights = weights_foreign(artefact)
    require_new_model(weights)
    require_not_of_jobs(artefact)
    place = Path(settings.ARTEFACTS) / FOLDER / checkpoint_digest(artefact)
    spec = JobSpec(
        kind="import",
        reference=f"model:{name}",
        snapshot=snapshot_ref(snapshot),
        recipe=recipe,
        seed=seed,
        cache=str(model_cache(snapshot)),
        exclude_ids=tuple(sorted(without)),
        base=base_of(checkpoint),
        artefact=ModelRef(path=str(place), digest=place.name),
        assurance="behavioural" if behavioural else "declared",
    )
    # 2. Copy the model. The copy and the job appear together.
    busy = _("Somebody else imports a model at this moment; wait until they have finished.")
    with draft_alone(place.parent, _is_awaited, busy) as draft:
        _clear(place.parent)
        if place.exists():
            raise StaleStateError(_("This model is being imported already. Wait until that has ended."))
        copy = draft / "copy"
        checkpoint_copy(artefact, copy)
        if checkpoint_digest(copy) != place.name:
            message = f"The model in {artefact.name} changed while it was copied; import it again."
            raise CheckpointError(message)
        with transaction.atomic():
            ledger_lock()
            require_compared(snapshot)
            require_new(name)
            require_new_model(weights)
            row = recipe_register(recipe=recipe, actor=actor)
            job = job_create(spec=spec, subject=f"model:{name}", model_name=name, snapshot=snapshot, recipe=row, actor=actor)
            draft_place(draft, copy, place)
    return job


def imports_clear() -> None:
    """Delete the copies that no import waits for. While somebody imports a model, they do that."""
    parent = Path(settings.ARTEFACTS) / FOLDER
    if parent.is_dir():
        with suppress(StaleStateError), draft_alone(parent, _is_awaited, ""):
            _clear(parent)


def _clear(parent: Path) -> None:
    for folder in parent.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and not _is_awaited(folder):
            shutil.rmtree(folder)


def _is_awaited(folder: Path) -> bool:
    """Return whether an import that has not ended needs a copy."""
    live = Job.objects.filter(kind=Job.Kind.IMPORT, state__in=[JobState.QUEUED, JobState.RUNNING])
    return live.filter(spec__artefact__digest=folder.name).exists()


def _check_without(snapshot: CorpusSnapshot, without: Collection[str]) -> None:
    if len(set(without)) != len(without):
        message = "An example that the model was trained without is named twice; remove it."
        raise SpecError(message)
    if any(example.set != "train" for example in examples_by_id(snapshot, without).values()):
        message = "An example that the model was trained without is no training example of the corpus; leave it out."
        raise SpecError(message)
    if never := sorted(set(without) - snapshot.erased_ids):
        message = (
            f"Only what was erased here can be declared as left out, and {len(never)} of the examples named by --without"
            f" never was ({ids_named(never, MOST_NAMED)}). Register the corpus that the model was trained on, without them."
        )
        raise SpecError(message)


def _require_known_without(name: str, known: Collection[str]) -> None:
    if known:
        message = ngettext(
            "%(count)d training example of the corpus has been erased (%(examples)s), and %(model)s knows it, unless it was"
            " trained without: then name it with --without. Otherwise train the model here.",
            "%(count)d training examples of the corpus have been erased (%(examples)s), and %(model)s knows them, unless it"
            " was trained without: then name them with --without. Otherwise train the model here.",
            len(known),
        )
        named = {"count": len(known), "examples": ids_named(known, MOST_NAMED), "model": name}
        raise StaleStateError(message % named)
