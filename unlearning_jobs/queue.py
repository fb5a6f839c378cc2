"""Rings the workers' bell by task name, so that no web process ever imports a task or torch."""

from __future__ import annotations

import logging
from functools import partial

from django.db import transaction
from kombu.exceptions import OperationalError

from compliance.celery import app

logger = logging.getLogger(__name__)
RUN_TASK = "unlearning_jobs.job_run"
SIGN_TASK = "unlearning_jobs.report_sign"
COMPARE_TASK = "unlearning_jobs.snapshots_compare"
INDEX_TASK = "unlearning_jobs.index_build"
DELETE_TASK = "unlearning_jobs.model_version_files_delete"


def enqueue_on_commit(task: str, *args: int, queue: str) -> None:
    """Send the task when the current transaction commits. Arguments are ids, never data."""
    transaction.on_commit(partial(enqueue, task, *args, queue=queue))


def enqueue(task: str, *args: int, queue: str) -> bool:
    """Send the task now; return whether the broker took it. If it cannot be reached, the reconciler rings again."""
    try:
        app.send_task(task, args=args, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("broker unreachable (%s); the reconciler will send %s again", type(error).__name__, task)
        return False
    return True
