"""Celery tasks: each calls one service. Arguments are ids, never data.

A task may run twice: Celery delivers at least once, and the reconciler enqueues again what looks forgotten. So a row that
has moved on is not an error here, although the service raises. Every other error is one.
"""

from __future__ import annotations

import logging
import socket

from celery import shared_task

from unlearning_jobs.leases import ClaimLostError, NothingToClaimError

from .sample_runner import sample_execute
from .search_runner import request_map as map_request
from .services.gateway_policy import gateway_policy_write as write_policy
from .services.messages import SEND_TASK, NotDueError
from .services.messages import message_send as send
from .services.reconcile import requests_reconcile as reconcile
from .services.releases import release_sign as sign
from .services.samples import SAMPLE_TASK
from .services.search_orders import MAP_TASK
from .services.store_erasures import STORE_TASK
from .services.suppression_ends import POLICY_TASK
from .store_runner import store_erasure_execute

logger = logging.getLogger(__name__)


@shared_task(name=MAP_TASK, queue="matching")
def request_map(request_id: int) -> None:
    try:
        map_request(request_id=request_id, worker=socket.gethostname())
    except (NothingToClaimError, ClaimLostError):  # searched already, being searched, or withdrawn in the meantime
        logger.info("request %s: no search is due", request_id)


@shared_task(name=SAMPLE_TASK, queue="matching")
def sample_draw(sample_id: int) -> None:
    try:
        sample_execute(sample_id=sample_id)
    except (NothingToClaimError, ClaimLostError):  # drawn already, being drawn, or withdrawn in the meantime
        logger.info("sample %s: not waiting to be drawn", sample_id)


@shared_task(name=STORE_TASK, queue="matching")
def store_erase(erasure_id: int) -> None:
    try:
        store_erasure_execute(erasure_id=erasure_id)
    except (NothingToClaimError, ClaimLostError):  # done already, being done, or given up in the meantime
        logger.info("store erasure %s: not waiting for a worker", erasure_id)


@shared_task(name=SEND_TASK, queue="mail")
def message_send(message_id: int) -> None:
    try:
        send(message_id=message_id)
    except NotDueError:  # already sent, given up, or being sent by another worker
        logger.info("message %s: not waiting to be sent", message_id)


@shared_task(name="requests_app.release_sign", queue="signing")
def release_sign(proposal_id: int) -> None:
    sign(proposal_id=proposal_id)


@shared_task(name=POLICY_TASK, queue="default")
def gateway_policy_write() -> None:
    write_policy()


@shared_task(name="requests_app.requests_reconcile", queue="default")
def requests_reconcile() -> None:
    reconcile()
