"""Moves of a request and its items: the transition is checked, and row and record entry go in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.models import ErasureRequest, Item
from requests_app.states import ITEM_TRANSITIONS, REQUEST_TRANSITIONS, ItemState, RequestOutcome, RequestState

from .messages import message_queue


@transaction.atomic
def request_move(
    *, request: ErasureRequest, to: RequestState, kind: str, actor: str, data: Mapping[str, object]
) -> ErasureRequest:
    """Takes a request from the state it is believed to be in to another.

    Raises:
        StaleStateError: the move is not allowed, or somebody else has moved it meanwhile.
    """
    if to not in REQUEST_TRANSITIONS[RequestState(request.state)]:
        raise StaleStateError(
            _("This request is “%(state)s”; that cannot be done.") % {"state": request.get_state_display()}
        )
    moved = ErasureRequest.objects.filter(pk=request.pk, state=request.state).update(
        state=to, outcome=request.outcome, confirmed_at=request.confirmed_at, closed_at=request.closed_at
    )
    if moved != 1:
        raise StaleStateError(_("Somebody else has changed this request. Reload the page."))
    request.state = to
    record_append(subject=request.subject, kind=kind, actor=actor, data=data)
    return request


@transaction.atomic
def request_close(
    *,
    request: ErasureRequest,
    outcome: RequestOutcome,
    actor: str,
    template: str | None,
    data: Mapping[str, object] | None = None,
) -> ErasureRequest:
    """Ends a request and tells the claimant.

    Raises:
        StaleStateError: it is closed already.
    """
    request.outcome, request.closed_at = outcome, timezone.now()
    facts = {"outcome": outcome.value} | dict(data or {})
    request_move(request=request, to=RequestState.CLOSED, kind="request.closed", actor=actor, data=facts)
    if template:
        message_queue(request=request, template=template)
    return request


@transaction.atomic
def item_move(*, item: Item, to: ItemState, kind: str, actor: str, data: Mapping[str, object]) -> Item:
    """Takes an item from the state it is believed to be in to another, with the fields that were set on it.

    Raises:
        StaleStateError: the move is not allowed, or somebody else has moved it meanwhile.
    """
    if to not in ITEM_TRANSITIONS[ItemState(item.state)]:
        raise StaleStateError(_("This item is “%(state)s”; that cannot be done.") % {"state": item.get_state_display()})
    locked = Item.objects.select_for_update().get(pk=item.pk)
    if locked.state != item.state:
        raise StaleStateError(_("Somebody else has changed this item. Reload the page."))
    item.state = to
    item.save()
    record_append(subject=item.request.subject, kind=kind, actor=actor, data={"item": item.key} | dict(data))
    return item


@transaction.atomic
def request_close_when_settled(*, request: ErasureRequest, actor: str) -> None:
    """Closes a request whose items are all released or refused."""
    states = set(request.items.values_list("state", flat=True))
    if states - {ItemState.RELEASED, ItemState.REFUSED}:
        return
    done = ItemState.RELEASED in states
    outcome = RequestOutcome.COMPLETED if done else RequestOutcome.REFUSED
    template = "outcome_completed" if done else "outcome_refused"
    request_close(request=request, outcome=outcome, actor=actor, template=template)
