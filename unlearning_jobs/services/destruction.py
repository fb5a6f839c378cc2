"""Destroys model versions: an engineer orders it, a worker deletes the files, and only then is a version “destroyed”."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.accounts.roles import Act
from compliance.formats.results import ANSWERS
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.queue import DELETE_TASK, enqueue_on_commit
from unlearning_jobs.ringing import first_ring, ring_again
from unlearning_jobs.states import JobState, ModelState

from .model_versions import model_version_move
from .runs import runs_folder
from .trainings import model_cache
from .weights import weights_note_of


@transaction.atomic
def model_version_destroy(*, version: ModelVersion, by: Account) -> ModelVersion:
    """Order the destruction of a quarantined version, or of a candidate that will not be released.

    Web processes cannot write where models lie, so a worker deletes the files, after the order is in the record.

    Raises:
        NotAllowedError: `by` is no engineer.
        StaleStateError: the version is active or its destruction is ordered already, or a job needs files that would go
            with it.
    """
    if not by.may(Act.MANAGE_MODELS):
        raise NotAllowedError(_("Only an engineer can destroy a model version."))
    version = ModelVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("snapshot").get(pk=version.pk)
    if _leaves_models(version) and _in_use(version.snapshot):
        raise StaleStateError(_("A job on the same corpus is queued or running. Destroy the version when it has ended."))
    version.rings, version.ring_at = 0, first_ring()
    version.save(update_fields=["rings", "ring_at"])
    model_version_move(version=version, to=ModelState.DESTROYING, actor=by.opaque)
    enqueue_on_commit(DELETE_TASK, version.pk, queue="jobs")
    return version


@transaction.atomic
def model_version_files_delete(*, version_id: int) -> ModelVersion:
    """Delete the files of a version whose destruction was ordered, and record that they are gone.

    With a version that was trained, or that has been in use, go the models that jobs trained on its corpus: one of them is
    its copy, and some have seen what it had to forget. Later jobs train again those that they need. With every version go
    the answers that it gave in evaluations: what it knew may stand in them word for word.

    Raises:
        StaleStateError: nobody ordered it, it is done already, or a job needs the files.
        OSError: a file cannot be deleted; the version stays as it is, and the reconciler tries again.
    """
    # 1. Lock the version, and check the order.
    version = (
        ModelVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("snapshot")
        .filter(pk=version_id, state=ModelState.DESTROYING)
        .first()
    )
    if version is None:
        message = f"No destruction of model version {version_id} is under way."
        raise StaleStateError(message)
    # A job may have been started after the order; it reads the cached models.
    if _leaves_models(version) and _in_use(version.snapshot):
        message = f"A job on the corpus of {version} is queued or running; its models are deleted when it has ended."
        raise StaleStateError(message)
    if version.path:
        weights_note_of(version)  # so that copies of them are recognised for ever
    # 2. Delete first: a version must never be called destroyed while a file of it exists.
    for folder in filter(Path.exists, _folders(version)):
        shutil.rmtree(folder)
    for answers in _answers(version):
        answers.unlink(missing_ok=True)
    # 3. Record it.
    model_version_move(version=version, to=ModelState.DESTROYED, actor=SYSTEM)
    version.path = ""
    version.save(update_fields=["path"])
    return version


def destruction_reconcile() -> None:
    """Ring again for versions that wait to be destroyed. While a job runs its worker would not hear it."""
    if not Job.objects.filter(state=JobState.RUNNING).exists():
        ring_again(ModelVersion.objects.filter(state=ModelState.DESTROYING), DELETE_TASK, queue="jobs")


def _folders(version: ModelVersion) -> Iterator[Path]:
    if version.path:  # an empty path would name the folder of all artefacts
        yield Path(settings.ARTEFACTS) / version.path
    if _leaves_models(version):
        yield model_cache(version.snapshot)


def _answers(version: ModelVersion) -> Iterator[Path]:
    """Yield the files with its answers, in the folder of every run of the jobs that began with it or made it."""
    for pk in Job.objects.filter(Q(base=version) | Q(result_version=version)).values_list("pk", flat=True):
        yield from (Path(settings.ARTEFACTS) / runs_folder(pk)).glob(f"*/{ANSWERS}")


def _leaves_models(version: ModelVersion) -> bool:
    """Return whether the models that jobs trained on its corpus may know what it knows.

    They do if it was trained, or has ever been active: jobs make other versions only from active ones, and a training
    replaces an active one that knew what had been erased.
    """
    retrained = ModelVersion.objects.filter(name=version.name, number__gt=version.number, parent=None)
    return version.parent_id is None or version.children.exists() or retrained.exists()


def _in_use(snapshot: CorpusSnapshot) -> bool:
    return Job.objects.filter(snapshot=snapshot, state__in=[JobState.QUEUED, JobState.RUNNING]).exists()
