"""The states of jobs and model versions, and which may follow which. No I/O."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


JOB_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    # failed: examples that it would use have been erased since it was created
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset(
        {
            JobState.COMPLETED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.QUEUED,  # the run was lost and another is allowed
            JobState.RUNNING,  # the lease ran out and another worker has claimed the job
        }
    ),
    JobState.COMPLETED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


class ModelState(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    ACTIVE = "active", _("Active")
    QUARANTINED = "quarantined", _("Quarantined")
    DESTROYING = "destroying", _("Being destroyed")
    DESTROYED = "destroyed", _("Destroyed")


MODEL_TRANSITIONS: dict[ModelState, frozenset[ModelState]] = {
    # a candidate that nobody releases is destroyed
    ModelState.CANDIDATE: frozenset({ModelState.ACTIVE, ModelState.DESTROYING}),
    ModelState.ACTIVE: frozenset({ModelState.QUARANTINED}),
    ModelState.QUARANTINED: frozenset({ModelState.DESTROYING}),
    # destruction is ordered and recorded; a worker has still to delete the files
    ModelState.DESTROYING: frozenset({ModelState.DESTROYED}),
    ModelState.DESTROYED: frozenset(),
}
