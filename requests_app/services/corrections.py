"""Takes out of items what a later review has rejected, once two officers want it so; an item without examples ends.

What rested on the examples is given up. One officer proposes that they leave, another approves (`endings.py`).
"""

from __future__ import annotations

from django.db import transaction

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from requests_app.models import Ending, ErasureRequest, Item
from requests_app.states import ItemState
from unlearning_jobs.models import Job
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.states import JobState

from .accepted import accepted_examples, items_to_correct
from .requests import item_lock, item_move

GIVEN_UP = frozenset({ItemState.AWAITING_APPROVAL, ItemState.AWAITING_RELEASE})
"""States in which a method or a result waits for a second officer: it was chosen for other examples."""


def jobs_lock(request: ErasureRequest) -> list[int]:
    """Lock the jobs of a locked request that have not ended, and return their numbers."""
    live = Job.objects.filter(subject=request.subject, state__in=[JobState.QUEUED, JobState.RUNNING])
    return list(live.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def items_correct(*, ending: Ending, by: Account) -> None:
    """Take what is not accepted any more out of every item that is not settled, because `by` has approved this end.

    The caller holds the request, its items and its jobs.
    """
    for item in items_to_correct(ending.request):
        item_correct(item=item, ending=ending, by=by)


@transaction.atomic
def item_correct(*, item: Item, ending: Ending, by: Account) -> Item:
    """Take what is not accepted any more out of an item. A job of it is cancelled; without examples, the item lapses.

    Raises:
        StaleStateError: the item is settled, or its request is neither under review nor in progress.
    """
    item = item_lock(item)
    state, item.example_ids = ItemState(item.state), accepted_examples(item)
    goes_on = ItemState.GRANTED if state in GIVEN_UP else state
    to = goes_on if item.example_ids else ItemState.LAPSED
    data = {"examples": len(item.example_ids), "ending": ending.number}
    item = item_move(item=item, to=to, kind=RecordKind.ITEM_CORRECTED, actor=by.opaque, data=data)
    live = Job.objects.filter(subject=item.request.subject, item=item.key, cancel_requested=False)
    for job_id in live.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).values_list("pk", flat=True):
        job_cancel(job_id=job_id, actor=by.opaque)
    return item
