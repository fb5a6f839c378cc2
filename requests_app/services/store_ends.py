"""How an erasure in a data store is over: settled, given up by an officer, or given up because its request was withdrawn."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.services import record_append
from requests_app.models import ErasureRequest, StoreErasure
from requests_app.models.stores import OVER
from requests_app.store_folders import folder_clear, folders_left
from unlearning_jobs.states import JobState

from .stores_due import Stage, erasures_open


def erasure_end(row: StoreErasure, stage: StoreErasure.Stage, by: Account | None) -> None:
    """Write that an erasure is over, and forget what it looked for. Its request and the row are locked."""
    state = JobState.CANCELLED if stage == Stage.GIVEN_UP else JobState.COMPLETED
    row.stage, row.state, row.lease_until, row.error_code = stage, state, None, ""
    row.over_by, row.over_at, row.sought = by, timezone.now(), ""
    row.finished_at = row.finished_at or row.over_at
    row.save()
    transaction.on_commit(partial(folder_clear, row.pk), robust=True)


def erasure_give_up(row: StoreErasure, actor: str, by: Account | None) -> None:
    """Give an erasure up, and record whether documents may have been deleted. Its request and the row are locked."""
    erasure_end(row, Stage.GIVEN_UP, by)
    data = {"store_erasure": row.number, "deleting": row.deleting}
    record_append(subject=row.request.subject, kind=RecordKind.STORE_ERASURE_GIVEN_UP, actor=actor, data=data)


def erasures_end_with_request(*, request: ErasureRequest, actor: str) -> None:
    """Give up what has not begun to delete. What has begun ends by itself, and an officer settles it afterwards.

    The caller has locked the request and what ends with it, and has recorded that it is closed.
    """
    for row in erasures_open(request).filter(deleting=False, stage__in=(Stage.FINDING, Stage.LISTED, Stage.ERASING)):
        row.request = request
        erasure_give_up(row, actor, None)


def erasures_clear() -> int:
    """Shred what erasures that are over have left in files, whoever died before doing so; return of how many."""
    over = StoreErasure.objects.filter(pk__in=folders_left(), stage__in=OVER)
    keys = list(over.values_list("pk", flat=True))
    for pk in keys:
        folder_clear(pk)
    return len(keys)
