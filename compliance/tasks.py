"""Celery tasks of the signing process."""

from __future__ import annotations

from celery import shared_task

from compliance.record.signing import checkpoint_sign


@shared_task(name="compliance.record_checkpoint", queue="signing")
def record_checkpoint() -> None:
    """Sign a new checkpoint if the log has grown, and compare the log with the last one even if it has not."""
    checkpoint_sign()
