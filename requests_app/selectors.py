"""Reads about requests: for the officers' pages, and for the claimant's own status page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from compliance.models import RecordEntry

from .models import AccessLink, ErasureRequest, Item, Match
from .services.intake import can_withdraw
from .services.messages import token_digest
from .states import SETTLED, ItemState, RequestState

StepState = Literal["done", "current", "todo"]


class StatusStep(NamedTuple):
    """One step of a request's way: received, confirmed, searched, decided, carried_out, closed."""

    code: str
    state: StepState
    on: date | None


@dataclass(frozen=True)
class RequestStatus:
    """What the claimant sees behind the link in the e-mails. Holds nothing that was typed in."""

    reference: str
    kind: str
    received_on: date
    due_on: date
    state_code: str
    steps: tuple[StatusStep, ...]
    outcome: str
    can_withdraw: bool


def request_status(token: str) -> RequestStatus | None:
    """Where the request behind a status link stands; None when the link opens nothing (any more)."""
    link = AccessLink.objects.filter(
        token_sha256=token_digest(token), purpose=AccessLink.Purpose.STATUS, expires_at__gt=timezone.now()
    ).first()
    if link is None:
        return None
    request = ErasureRequest.objects.defer(*IDENTIFYING).get(pk=link.request_id)
    return RequestStatus(
        reference=request.reference,
        kind=request.kind,
        received_on=timezone.localdate(request.received_at),
        due_on=request.due_on,
        state_code=request.state,
        steps=_steps(request),
        outcome=request.outcome,
        can_withdraw=can_withdraw(request),
    )


IDENTIFYING = (
    "name",
    "email",
    "contact",
    "other_names",
    "work_title",
    "work_text",
    "evidence_prompt",
    "evidence_output",
    "location",
    "declared_name",
)
"""Columns that are only decrypted where somebody looks at them."""


def _steps(request: ErasureRequest) -> tuple[StatusStep, ...]:
    """The steps with their dates: the first without one is the current one; a closed request shows what was reached."""
    reached = {
        "received": _day(request.received_at),
        "confirmed": _day(request.confirmed_at),
        "searched": _searched_on(request),
        "decided": _decided_on(request),
        "carried_out": _carried_out_on(request),
        "closed": _day(request.closed_at),
    }
    if request.state == RequestState.CLOSED:
        return tuple(StatusStep(code, "done", on) for code, on in reached.items() if on)
    current = next(code for code, on in reached.items() if on is None)
    states: dict[bool, StepState] = {True: "done", False: "todo"}
    return tuple(
        StatusStep(code, "current" if code == current else states[on is not None], on) for code, on in reached.items()
    )


def _searched_on(request: ErasureRequest) -> date | None:
    if request.state in {RequestState.AWAITING_CONFIRMATION, RequestState.MAPPING}:
        return None
    entry = RecordEntry.objects.filter(subject=request.subject, kind="mapping.completed").order_by("number").last()
    return _day(entry.created_at) if entry else None


def _decided_on(request: ErasureRequest) -> date | None:
    decided = list(request.items.values_list("state", "decided_at"))
    if not decided or any(state == ItemState.DECIDING for state, _at in decided):
        return None
    return max(timezone.localdate(at) for _state, at in decided if at)


def _carried_out_on(request: ErasureRequest) -> date | None:
    items = list(request.items.values_list("state", "proposals__released_at"))
    released = [at for state, at in items if state == ItemState.RELEASED and at]
    if not released or any(state not in SETTLED for state, _at in items):
        return None
    return max(timezone.localdate(at) for at in released)


def _day(moment: datetime | None) -> date | None:
    return timezone.localdate(moment) if moment else None


def requests_listed() -> QuerySet[ErasureRequest]:
    """Requests for a list, in a constant number of queries and without decrypting anything."""
    return ErasureRequest.objects.defer(*IDENTIFYING).annotate(
        open_matches=Count("matches", filter=Q(matches__decision=Match.Decision.OPEN), distinct=True),
        item_states=ArrayAgg("items__state", filter=Q(items__isnull=False), distinct=True, default=[]),
    )


def days_left(request: ErasureRequest) -> int | None:
    """Days until the deadline, negative when it has passed; None once the request is closed."""
    return None if request.state == RequestState.CLOSED else (request.due_on - timezone.localdate()).days


def items_of(request: ErasureRequest) -> QuerySet[Item]:
    """The items of a request with everything that its page shows about them."""
    return (
        request.items.select_related("snapshot__corpus", "decided_by")
        .prefetch_related("proposals__job", "proposals__base", "proposals__proposed_by", "proposals__approved_by")
        .prefetch_related("proposals__declined_by", "proposals__released_by")
    )
