"""Celery tasks: each takes the id of a row and calls a service."""

from __future__ import annotations

import logging
import socket

from celery import shared_task

from compliance.record.errors import StaleStateError

from .index_runner import index_execute
from .leases import ClaimLostError, NothingToClaimError
from .ledger_keys import LedgerError
from .queue import COMPARE_TASK, DELETE_TASK, INDEX_TASK, RUN_TASK, SIGN_TASK
from .runner import job_execute
from .services.destruction import destruction_reconcile
from .services.destruction import model_version_files_delete as files_delete
from .services.imports import imports_clear
from .services.indexes import indexes_reconcile
from .services.jobs import jobs_reconcile as reconcile
from .services.ledger import snapshots_compare as compare
from .services.ledger_copy import ledger_copy as copy
from .services.reports import report_sign as sign
from .services.runs import job_claim
from .services.snapshots import snapshots_check as check

logger = logging.getLogger(__name__)


@shared_task(name=RUN_TASK, queue="jobs")
def job_run(job_id: int) -> None:
    try:
        job_execute(job_claim(job_id=job_id, worker=socket.gethostname()))
    except NothingToClaimError as error:  # messages may come twice or late
        logger.info("nothing to claim: %s", error)
    except ClaimLostError as error:  # the job goes on without this worker
        logger.warning("claim lost: %s", error)
    finally:
        imports_clear()


@shared_task(name="unlearning_jobs.jobs_reconcile", queue="default")
def jobs_reconcile() -> None:
    reconcile()
    destruction_reconcile()
    indexes_reconcile()


@shared_task(name=INDEX_TASK, queue="jobs")
def index_build(index_id: int) -> None:
    try:
        index_execute(index_id=index_id)
    except (NothingToClaimError, ClaimLostError) as error:  # built, or being built: messages may come twice or late
        logger.info("no index to build: %s", error)


@shared_task(name=DELETE_TASK, queue="jobs")
def model_version_files_delete(version_id: int) -> None:
    try:
        files_delete(version_id=version_id)
    except StaleStateError as error:  # done already, or a job needs the files; the reconciler rings until they are gone
        logger.info("nothing deleted: %s", error)


@shared_task(name=COMPARE_TASK, queue="matching")
def snapshots_compare() -> None:
    # Whatever trains compares its own snapshot again first; this is for pages and for the models that are in use.
    _compare()


@shared_task(name="unlearning_jobs.snapshots_check", queue="matching")
def snapshots_check() -> None:
    for problem in check():
        logger.error("a snapshot is not what was registered: %s", problem)
    _compare()


def _compare() -> None:
    for problem in compare():
        logger.warning("not compared with the erasure ledger: %s", problem)


@shared_task(name="unlearning_jobs.ledger_copy", queue="default")
def ledger_copy() -> None:
    try:
        copy()
    except LedgerError as error:
        logger.error("no second copy of the erasure ledger: %s", error)  # noqa: TRY400  # the message says it all


@shared_task(name=SIGN_TASK, queue="signing")
def report_sign(job_id: int) -> None:
    sign(job_id=job_id)
