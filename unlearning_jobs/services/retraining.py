"""Trains a model again whose version knows what was erased: the way out when erased examples have come back."""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.origins import is_behavioural
from unlearning_jobs.selectors import draw_of, known_erased
from unlearning_jobs.states import ModelState

from .canaries import canaries_in, opened
from .ledger import LedgerMovedError, ledger_lock, require_compared, snapshot_compare
from .model_versions import model_version_move
from .trainings import is_trained, training_start


@transaction.atomic
def model_withdraw(*, version: ModelVersion, actor: str) -> None:
    """Take a version out of use that knows erased examples and that nobody can train again: no recipe made it.

    Raises:
        StaleStateError: it knows none, or is not in use.
    """
    version = ModelVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("snapshot").get(pk=version.pk)
    ledger_lock()  # before the record's numbers, as everywhere
    if not known_erased(version):
        raise StaleStateError(_("%(model)s knows nothing that was erased.") % {"model": version})
    model_version_move(version=version, to=ModelState.QUARANTINED, actor=actor)


def model_retrain(*, version: ModelVersion, actor: str) -> Job:
    """Take a version that knows erased examples out of use, and start the training of its model without them.

    What it makes is a new model, which has a draw of its own among the canaries that are left.

    Raises:
        StaleStateError: it knows none, its model has another active version or is being trained already, its files are to
            be deleted, or nobody declared how it was trained.
        LedgerError, CorpusError: as `model_train`.
    """
    if is_behavioural(version):
        message = _(
            "Nobody declared how %(model)s was trained, so it cannot be trained again. Train a model of a recipe here."
        )
        raise StaleStateError(message % {"model": version})
    while True:
        # Before the transaction: it may read the whole corpus, and releases that hold the ledger wait for the snapshot.
        snapshot = snapshot_compare(snapshot=version.snapshot)
        canaries = canaries_in(snapshot)
        with suppress(LedgerMovedError), transaction.atomic():  # something was erased in between
            return _retrain(version, snapshot, canaries, actor)


def _retrain(version: ModelVersion, snapshot: CorpusSnapshot, canaries: frozenset[str], actor: str) -> Job:
    rows = ModelVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("snapshot", "recipe")
    version = rows.get(pk=version.pk)
    ledger_lock()  # before the record's numbers, as everywhere
    require_compared(snapshot)
    if not known_erased(version):
        raise StaleStateError(_("%(model)s knows nothing that was erased.") % {"model": version})
    others = ModelVersion.objects.filter(name=version.name, state=ModelState.ACTIVE).exclude(pk=version.pk)
    if others.exists() or is_trained(version.name):
        raise StaleStateError(_("Another version of %(model)s is active or being trained.") % {"model": version.name})
    if version.state == ModelState.ACTIVE:
        model_version_move(version=version, to=ModelState.QUARANTINED, actor=actor)
    return training_start(
        name=version.name,
        recipe=Recipe.from_json(version.recipe.body),
        snapshot=snapshot,
        seed=version.seed,
        exclude_ids=snapshot.erased_ids | (set(version.left_out) - _left_out_by_draw(version)) | set(version.erased_ids),
        canaries=canaries,
        actor=actor,
    )


def _left_out_by_draw(version: ModelVersion) -> frozenset[str]:
    """Return the canaries that the draw of a version left out: nothing has erased them for that, and they are drawn anew."""
    draw = draw_of(version)
    return frozenset(opened(draw).left_out) if draw else frozenset()
