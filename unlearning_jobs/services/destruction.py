"""The end of model versions: ordered by an engineer, carried out by a worker, and only then called destroyed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.accounts.roles import Act
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.queue import enqueue, enqueue_on_commit
from unlearning_jobs.states import JobState, ModelState

from .model_versions import model_cache, model_version_move

DELETE_TASK = "unlearning_jobs.model_version_files_delete"


@transaction.atomic
def model_version_destroy(*, version: ModelVersion, by: Account) -> ModelVersion:
    """Orders that a quarantined version, or a candidate that will not be released, be destroyed.

    A web process cannot write where models lie, so a worker deletes the files; the order stands in the record before.

    Raises:
        NotAllowedError: `by` is no engineer.
        StaleStateError: the version is active or destroyed already, or a job is using what would go with it.
    """
    if not by.may(Act.MANAGE_MODELS):
        raise NotAllowedError(_("Only an engineer can destroy a model version."))
    version = ModelVersion.objects.select_for_update(of=("self",)).select_related("snapshot").get(pk=version.pk)
    if version.state == ModelState.QUARANTINED and _in_use(version.snapshot):
        raise StaleStateError(_("A job on the same corpus is queued or running. Destroy the version when it has ended."))
    model_version_move(version=version, to=ModelState.DESTROYING, actor=by.opaque)
    enqueue_on_commit(DELETE_TASK, version.pk, queue="jobs")
    return version


@transaction.atomic
def model_version_files_delete(*, version_id: int) -> bool:
    """Deletes the files of a version whose end was ordered, and records that they are gone; returns whether they are.

    With a version that was in use go the models that evaluations trained on its corpus: some of them have seen what it had
    to forget. A later evaluation trains anew those that it needs. A second run finds nothing to do.

    Raises:
        OSError: a file cannot be deleted; the version stays as it is, and the reconciler tries again.
    """
    version = (
        ModelVersion.objects.select_for_update(of=("self",))
        .select_related("snapshot")
        .filter(pk=version_id, state=ModelState.DESTROYING)
        .first()
    )
    if version is None or (_was_in_use(version) and _in_use(version.snapshot)):
        return False
    for folder in filter(Path.exists, _folders(version)):
        shutil.rmtree(folder)
    model_version_move(version=version, to=ModelState.DESTROYED, actor=SYSTEM)
    version.path = ""
    version.save(update_fields=["path"])
    return True


def destruction_reconcile() -> None:
    """Rings again for versions that wait to be destroyed, when no job keeps the workers from hearing it."""
    if not Job.objects.filter(state=JobState.RUNNING).exists():
        for pk in ModelVersion.objects.filter(state=ModelState.DESTROYING).values_list("pk", flat=True):
            enqueue(DELETE_TASK, pk, queue="jobs")


def _folders(version: ModelVersion) -> Iterator[Path]:
    if version.path:  # never the folder of all artefacts
        yield Path(settings.ARTEFACTS) / version.path
    if _was_in_use(version):
        yield model_cache(version.snapshot)


def _was_in_use(version: ModelVersion) -> bool:
    """Whether it has ever been the active version: only from those do jobs make others."""
    return version.children.exists()


def _in_use(snapshot: CorpusSnapshot) -> bool:
    return Job.objects.filter(snapshot=snapshot, state__in=[JobState.QUEUED, JobState.RUNNING]).exists()
