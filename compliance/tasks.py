"""Celery tasks: the checkpoints of the signing process, and links to sign in, which go out with the other mail."""

from __future__ import annotations

from celery import shared_task

from compliance.accounts.browser_links import SEND_TASK
from compliance.accounts.browser_links import browser_link_send as send
from compliance.record.signing import checkpoint_sign


@shared_task(name="compliance.record_checkpoint", queue="signing")
def record_checkpoint() -> None:
    """Sign a new checkpoint if the log has grown, and compare the log with the last one even if it has not."""
    checkpoint_sign()


@shared_task(name=SEND_TASK, queue="mail")
def browser_link_send(link_id: int) -> None:
    send(link_id=link_id)
