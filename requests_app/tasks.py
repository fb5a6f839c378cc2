"""Celery's door: each task loads a row by id and calls a service. Arguments are ids, never data."""

from __future__ import annotations

from celery import shared_task

from .services.mapping import request_map as map_request
from .services.messages import message_send as send
from .services.reconcile import requests_reconcile as reconcile
from .services.releases import release_sign as sign


@shared_task(name="requests_app.request_map", queue="matching")
def request_map(request_id: int) -> None:
    map_request(request_id=request_id)


@shared_task(name="requests_app.message_send", queue="default")
def message_send(message_id: int) -> None:
    send(message_id=message_id)


@shared_task(name="requests_app.release_sign", queue="signing")
def release_sign(proposal_id: int) -> None:
    sign(proposal_id=proposal_id)


@shared_task(name="requests_app.requests_reconcile", queue="default")
def requests_reconcile() -> None:
    reconcile()
