"""The stages that every request goes through, in order: what the claimant and the officers are told about its progress."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry

from .models import ErasureRequest
from .states import SETTLED, ItemState, RequestState

StageCode = Literal["received", "confirmed", "searched", "decided", "carried_out", "closed"]
StageState = Literal["done", "current", "todo"]


class RequestStage(NamedTuple):
    """One stage, and the day on which the request completed it."""

    code: StageCode
    state: StageState
    on: date | None


def request_stages(request: ErasureRequest) -> tuple[RequestStage, ...]:
    """Return the stages in order; the first without a date is the current one.

    A closed request has only the stages that it completed: a refused one was never carried out.
    """
    completed: dict[StageCode, date | None] = {
        "received": _day(request.received_at),
        "confirmed": _day(request.confirmed_at),
        "searched": _searched_on(request),
        "decided": _decided_on(request),
        "carried_out": _carried_out_on(request),
        "closed": _day(request.closed_at),
    }
    if request.state == RequestState.CLOSED:
        return tuple(RequestStage(code, "done", on) for code, on in completed.items() if on)
    current = next(code for code, on in completed.items() if on is None)
    states: dict[bool, StageState] = {True: "done", False: "todo"}
    return tuple(
        RequestStage(code, "current" if code == current else states[on is not None], on) for code, on in completed.items()
    )


def current_stage(stages: tuple[RequestStage, ...]) -> StageCode:
    """Return the code of the current stage, or of the last one when the request is closed."""
    return next((stage.code for stage in stages if stage.state == "current"), stages[-1].code)


def _searched_on(request: ErasureRequest) -> date | None:
    if request.state in {RequestState.AWAITING_CONFIRMATION, RequestState.MAPPING}:
        return None
    entry = RecordEntry.objects.filter(subject=request.subject, kind=RecordKind.MAPPING_COMPLETED).order_by("number").last()
    return _day(entry.created_at) if entry else None


def _decided_on(request: ErasureRequest) -> date | None:
    items = list(request.items.values_list("state", "decided_at"))
    if not items or any(state in {ItemState.DECIDING, ItemState.ENDING} for state, _at in items):
        return None
    # An item that lapsed before anybody decided it has no date.
    return max((timezone.localdate(at) for _state, at in items if at), default=None)


def _carried_out_on(request: ErasureRequest) -> date | None:
    items = list(request.items.values_list("state", "proposals__released_at"))
    # An item has one row per proposal; only the released one has a date.
    released = [at for state, at in items if state == ItemState.RELEASED and at]
    if not released or any(state not in SETTLED for state, _at in items):
        return None
    return max(timezone.localdate(at) for at in released)


def _day(moment: datetime | None) -> date | None:
    return timezone.localdate(moment) if moment else None
