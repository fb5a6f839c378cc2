"""The life of a search that is due: ordered, claimed under a lease, reported on, failed, repaired. See ADR 3.

A worker takes all that wait at once, so that they share one pass over each snapshot. What has lost a run is taken alone: if
it is what kills the workers, it takes no other search along.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from requests_app.models import ErasureRequest, SearchOrder
from requests_app.states import RequestState
from requests_app.wording import RUNS_USED_UP
from unlearning_jobs.leases import NothingToClaimError, held_row, lapsed, lease_extend
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.ringing import first_ring
from unlearning_jobs.states import JobState

from .permissions import require_mapper
from .requests import request_lock, request_move

MAP_TASK = "requests_app.request_map"
MOST_TOGETHER = 1_000
"""How many searches may share a pass."""


def search_order(*, request: ErasureRequest) -> SearchOrder:
    """Order a search of the training data for a request that the caller has moved there, and ring a worker on commit."""
    order = SearchOrder.objects.create(request=request)
    ErasureRequest.objects.filter(pk=request.pk).update(rings=0, ring_at=first_ring())
    enqueue_on_commit(MAP_TASK, request.pk, queue="matching")
    return order


@transaction.atomic
def request_search_again(*, request: ErasureRequest, by: Account) -> ErasureRequest:
    """Have the training data searched again. Decided matches stay decided; the review goes on when the search has ended.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is neither under review nor in progress, and its last search has not failed.
    """
    request = request_lock(request.pk)
    require_mapper(request, by)
    if request.search_orders.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).exists():
        raise StaleStateError(_("The training data is being searched already."))
    request_move(request=request, to=RequestState.MAPPING, kind=RecordKind.SEARCH_ORDERED, actor=by.opaque, data={})
    search_order(request=request)
    return request


@transaction.atomic
def searches_claim(*, request_id: int, worker: str) -> list[SearchOrder]:
    """Start a run of the request's search under a lease, and of all searches that wait with it.

    Raises:
        NothingToClaimError: no search of the request waits: it is done, under way, failed or no longer wanted.
    """
    # 1. Lock what waits; what another worker is claiming at this moment is skipped.
    waiting = SearchOrder.objects.filter(state=JobState.QUEUED).select_related("request")
    locked = waiting.select_for_update(no_key=True, skip_locked=True, of=("self",))
    called = locked.filter(request=request_id).first()
    if called is None:
        message = f"No search of request {request_id} waits."
        raise NothingToClaimError(message)
    # 2. Whatever has lost a run goes alone.
    others = [] if called.runs else locked.filter(runs=0).exclude(pk=called.pk).order_by("pk")[: MOST_TOGETHER - 1]
    # 3. Take the leases.
    orders = [called, *others]
    for order in orders:
        order.lease_take()
        order.state, order.worker = JobState.RUNNING, worker[:100]
        order.started_at = order.started_at or timezone.now()
        order.snapshots_done = order.snapshots = 0
        order.save()
    return orders


def search_report(*, order: SearchOrder, **progress: float) -> None:
    """Write a heartbeat, with the progress if there is any, and extend the lease. It moves nothing, so it has no entry.

    Raises:
        ClaimLostError: the search is no longer this worker's, or no longer wanted.
    """
    lease_extend(SearchOrder.objects.all(), order, **progress)


def search_held(order: SearchOrder) -> SearchOrder:
    """Lock and return the row of a search, if it is still this worker's. Its request has been locked before.

    Raises:
        ClaimLostError: it is not.
    """
    return held_row(SearchOrder.objects.select_for_update(no_key=True), order)


def search_end(*, order: SearchOrder, state: JobState) -> None:
    """Take a search, locked by the caller, to a final state."""
    order.state, order.lease_until, order.finished_at = state, None, timezone.now()
    order.save()


@transaction.atomic
def search_fail(*, order: SearchOrder, error: str) -> None:
    """End a search for a reason that another run would meet again. An officer may order it anew.

    Raises:
        ClaimLostError: the search is no longer this worker's.
    """
    request = request_lock(order.request_id)
    _fail(request, search_held(order), error)


def _fail(request: ErasureRequest, order: SearchOrder, error: str) -> None:
    order.error_code = error[:40]
    search_end(order=order, state=JobState.FAILED)
    data = {"error": order.error_code, "runs": order.runs}
    record_append(subject=request.subject, kind=RecordKind.SEARCH_FAILED, actor=SYSTEM, data=data)


@transaction.atomic
def search_run_lost(*, order: SearchOrder) -> None:
    """Queue a search whose run ended without a result for another one, or fail it when its runs are used up.

    Raises:
        ClaimLostError: the search is no longer this worker's.
    """
    request = request_lock(order.request_id)
    _again(request, search_held(order))


def _again(request: ErasureRequest, order: SearchOrder) -> None:
    if order.runs >= order.max_runs:
        _fail(request, order, RUNS_USED_UP)
        return
    order.fencing_token += 1  # the worker of the lost run may still be alive: it can write nothing from here on
    order.state, order.lease_until = JobState.QUEUED, None
    order.save()
    ErasureRequest.objects.filter(pk=request.pk).update(rings=0, ring_at=first_ring())
    enqueue_on_commit(MAP_TASK, request.pk, queue="matching")


def searches_reconcile() -> int:
    """Queue again, or fail, the searches whose worker has fallen silent; return how many."""
    touched = 0
    for pk, request_id in lapsed(SearchOrder.objects.all()).values_list("pk", "request_id"):
        with transaction.atomic():
            request = request_lock(request_id)
            # The worker may have reported, or ended the search, between the query and the lock.
            order = lapsed(SearchOrder.objects.select_for_update(no_key=True)).filter(pk=pk).first()
            if order is not None:
                _again(request, order)
                touched += 1
    return touched
