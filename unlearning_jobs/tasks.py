"""Celery's door: each task loads a row by id and calls a service."""

from __future__ import annotations

import logging
import socket

from celery import shared_task

from compliance.record.errors import StaleStateError

from .runner import job_execute
from .services.destruction import destruction_reconcile
from .services.destruction import model_version_files_delete as files_delete
from .services.jobs import job_claim
from .services.jobs import jobs_reconcile as reconcile
from .services.reports import report_sign as sign

logger = logging.getLogger(__name__)


@shared_task(name="unlearning_jobs.job_run", queue="jobs")
def job_run(job_id: int) -> None:
    claim = job_claim(job_id=job_id, worker=socket.gethostname())
    if claim is None:
        logger.info("job %s: nothing to claim", job_id)
        return
    try:
        job_execute(claim)
    except StaleStateError:
        logger.warning("job %s: taken over by another worker", job_id)


@shared_task(name="unlearning_jobs.jobs_reconcile", queue="default")
def jobs_reconcile() -> None:
    reconcile()
    destruction_reconcile()


@shared_task(name="unlearning_jobs.model_version_files_delete", queue="jobs")
def model_version_files_delete(version_id: int) -> None:
    files_delete(version_id=version_id)


@shared_task(name="unlearning_jobs.report_sign", queue="signing")
def report_sign(job_id: int) -> None:
    sign(job_id=job_id)
