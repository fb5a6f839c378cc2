"""Celery tasks of the signing process."""

from __future__ import annotations

from celery import shared_task

from compliance.record.signing import checkpoint_is_due, checkpoint_sign


@shared_task(name="compliance.record_checkpoint", queue="signing")
def record_checkpoint() -> None:
    """Sign a new checkpoint if the log has grown since the last one."""
    if checkpoint_is_due():
        checkpoint_sign()
