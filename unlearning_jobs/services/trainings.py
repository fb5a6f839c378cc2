"""Starts the jobs that make new models: trainings by a recipe."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from unlearning_jobs.checkpoints import base_of, checkpoint_of, require_startable
from unlearning_jobs.engine.contracts import JobSpec, Recipe, SnapshotRef
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion, RegisteredRecipe
from unlearning_jobs.states import JobState

from .canaries import canaries_draw, canaries_in, opened
from .jobs import job_create
from .ledger import LedgerMovedError, ledger_lock, require_compared, snapshot_compare

LARGEST_SEED: Final = 2**32 - 1
"""What every source of random numbers takes, and the order of each epoch is still drawn from (`training.schedule`)."""


@transaction.atomic
def recipe_register(*, recipe: Recipe, actor: str) -> RegisteredRecipe:
    """Return the row of this recipe, which is stored once.

    Raises:
        StaleStateError: its models start from a checkpoint that is not registered.
    """
    made = {"body": recipe.to_json(), "checkpoint": checkpoint_of(recipe)}
    row, created = RegisteredRecipe.objects.get_or_create(digest=recipe.digest(), defaults=made)
    if created:
        subject = f"recipe:{row.digest[:16]}"
        record_append(subject=subject, kind=RecordKind.RECIPE_REGISTERED, actor=actor, data={"sha256": row.digest})
    return row


def model_train(
    *, name: str, recipe: Recipe, snapshot: CorpusSnapshot, seed: int, actor: str, draws_canaries: bool = True
) -> Job:
    """Start the training of a new model as a job; its first version is active once the job completes.

    Examples that the erasure ledger names are left out, and the half of the corpus' canaries that a new draw leaves out;
    without `draws_canaries`, they are examples like others.

    Raises:
        StaleStateError: a model of this name exists or is being trained, or the checkpoint of the recipe is not registered,
            or gone.
        SpecError: the seed is none.
        ValidationError: the name is empty or too long, or holds something else than letters, digits, hyphens and
            underscores.
        LedgerError: nobody can tell what was erased, because a key is missing.
        CorpusError: the snapshot cannot be searched for what was erased.
    """
    require_seed(seed)
    require_startable(checkpoint_of(recipe))
    while True:
        require_new(name)
        # Before the transaction: it may read the whole corpus, and releases that hold the ledger wait for the snapshot.
        snapshot = snapshot_compare(snapshot=snapshot)
        canaries = canaries_in(snapshot) if draws_canaries else frozenset[str]()
        with suppress(LedgerMovedError), transaction.atomic():  # something was erased in between
            ledger_lock()
            require_new(name)
            require_compared(snapshot)
            return training_start(
                name=name,
                recipe=recipe,
                snapshot=snapshot,
                seed=seed,
                exclude_ids=snapshot.erased_ids,
                canaries=canaries,
                actor=actor,
            )


def require_new(name: str) -> None:
    """Refuse the name of a model that exists or is on its way (StaleStateError), or that is none (ValidationError)."""
    ModelVersion._meta.get_field("name").clean(name, None)
    if is_trained(name) or ModelVersion.objects.filter(name=name).exists():
        raise StaleStateError(_("There is a model “%(name)s” already. Choose another name.") % {"name": name})


def require_seed(seed: int) -> None:
    """Refuse a number from which no training can start (SpecError)."""
    if not 0 <= seed <= LARGEST_SEED:
        message = f"The seed is {seed}; name one from 0 to {LARGEST_SEED}."
        raise SpecError(message)


def is_trained(name: str) -> bool:
    """Return whether a training or an import of this model is queued or running."""
    jobs = Job.objects.filter(model_name=name, state__in=[JobState.QUEUED, JobState.RUNNING])
    return jobs.exclude(kind=Job.Kind.UNLEARN).exists()


def training_start(
    *,
    name: str,
    recipe: Recipe,
    snapshot: CorpusSnapshot,
    seed: int,
    exclude_ids: Collection[str],
    canaries: Collection[str],
    actor: str,
) -> Job:
    """Queue a training; callers have checked that the model may be trained, and what to leave out.

    Of the canaries, a new draw for this training leaves a half out as well.
    """
    ledger_lock()  # what a case says of the trainings that are under way is so until its transaction ends
    row = recipe_register(recipe=recipe, actor=actor)
    gone = frozenset(exclude_ids)
    draw = canaries_draw(name=name, snapshot=snapshot, among=frozenset(canaries) - gone, actor=actor)
    spec = JobSpec(
        kind="train",
        reference=f"model:{name}",
        snapshot=snapshot_ref(snapshot),
        recipe=recipe,
        seed=seed,
        cache=str(model_cache(snapshot)),
        exclude_ids=tuple(sorted(gone.union(opened(draw).left_out if draw else ()))),
        base=base_of(row.checkpoint),
    )
    job = job_create(spec=spec, subject=f"model:{name}", model_name=name, snapshot=snapshot, recipe=row, actor=actor)
    if draw:
        draw.job = job
        draw.save(update_fields=["job"])
    return job


def model_cache(snapshot: CorpusSnapshot) -> Path:
    """Return the folder of the replicates and oracles that jobs on this snapshot train and share."""
    return Path(settings.ARTEFACTS) / "cache" / snapshot.digest


def snapshot_ref(snapshot: CorpusSnapshot) -> SnapshotRef:
    return SnapshotRef(path=str(settings.ARTEFACTS / snapshot.path), digest=snapshot.digest)
