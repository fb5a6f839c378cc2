"""Receive the one signal from `unlearning_jobs`: a job has ended."""

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
    # Not an error: this is called for every job. Training jobs have no proposal, and the reconciler may have been faster.
    with suppress(StaleStateError):
        proposal_evaluated(job=job)
