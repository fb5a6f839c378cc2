"""The one signal from below: a job has ended."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from unlearning_jobs.models import Job
from unlearning_jobs.signals import job_finished

from .services.decisions import proposal_evaluated


@receiver(job_finished)
def on_job_finished(job: Job, **_kwargs: Any) -> None:
    proposal_evaluated(job=job)
