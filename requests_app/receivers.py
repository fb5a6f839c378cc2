"""The one signal from below: a job has ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.dispatch import receiver

from compliance.record.errors import StaleStateError
from unlearning_jobs.models import Job
from unlearning_jobs.signals import job_finished

from .services.decisions import proposal_evaluated


@receiver(job_finished)
def on_job_finished(job: Job, **_kwargs: Any) -> None:
    # Every job's end comes here. Most belong to no proposal (they train a model), and the reconciler may have been faster.
    with suppress(StaleStateError):
        proposal_evaluated(job=job)
