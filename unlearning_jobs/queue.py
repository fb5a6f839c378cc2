"""Rings the workers' bell by task name, so that no web process ever imports a task or torch."""

from __future__ import annotations

import logging
from functools import partial

from django.db import transaction
from kombu.exceptions import OperationalError

from compliance.celery import app

logger = logging.getLogger(__name__)


def enqueue_on_commit(task: str, *args: int, queue: str) -> None:
    """Sends the task when the current transaction commits. Arguments are ids, never data.

    A broker that is away is no error: the reconciler rings again.
    """
    transaction.on_commit(partial(enqueue, task, *args, queue=queue))


def enqueue(task: str, *args: int, queue: str) -> None:
    try:
        app.send_task(task, args=args, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("broker away (%s); the reconciler will send %s again", type(error).__name__, task)
