"""Celery's door to the signing process."""

from __future__ import annotations

from celery import shared_task

from compliance.record.signing import checkpoint_is_due, checkpoint_sign


@shared_task(name="compliance.record_checkpoint", queue="signing")
def record_checkpoint() -> None:
    """Signs a new head of the log when there is something new."""
    if checkpoint_is_due():
        checkpoint_sign()
