"""How a request or an item can end: from stored facts alone. Pages show it, services check it, and letters say it."""

from __future__ import annotations

from django.db.models import Max
from django.utils.translation import ngettext

from requests_app.models import Ending, ErasureRequest, Item, Match, Proposal
from requests_app.states import SETTLED, ItemState, RequestOutcome

from .accepted import Accepted, items_to_correct, matches_in_no_item
from .copies_due import copies_waiting
from .dispositions import what_became
from .findings import (
    Findings,
    closing_obstacle,
    item_findings,
    match_findings,
    review_goes_on,
    search_covers_all,
    search_of,
)
from .stores_due import acted_in_stores, erasures_open

LAPSES = (RequestOutcome.NO_INFLUENCE, RequestOutcome.ALREADY_ERASED, RequestOutcome.NOT_LEARNED)
"""What can be so of examples for which nothing was released and that nobody refused. A request all of whose items lapsed
closes with the first that is so of one; its letter names all of them."""


def closing_outcome(request: ErasureRequest) -> RequestOutcome | None:
    """Return the only outcome with which a reviewed request can be closed without an item; None if it cannot.

    If its items are settled, they say how it closes. Then this is what is so of the rest, which a second officer approves.
    """
    undecided = request.matches.filter(decision=Match.Decision.OPEN)
    if undecided.exists() or items_to_correct(request) or closing_obstacle(request) or _elsewhere(request):
        return None
    beside_items = review_goes_on(request)
    if beside_items and (request.items.exclude(state__in=SETTLED).exists() or not approval_obstacle(request)):
        return None
    if not beside_items and not search_covers_all(search_of(request)):
        return RequestOutcome.NOT_SEARCHED
    findings = closing_findings(request)
    if findings.already_erased:
        return RequestOutcome.ALREADY_ERASED
    if findings.not_learned:
        return RequestOutcome.NOT_LEARNED
    return RequestOutcome.IN_STORES if acted_in_stores(request) else RequestOutcome.NO_MATCH


def _elsewhere(request: ErasureRequest) -> bool:
    """Return whether copies or data stores keep a request open."""
    return bool(copies_waiting(request)) or erasures_open(request).exists()


def closing_findings(request: ErasureRequest) -> Findings:
    """Count the accepted examples that an end of the whole request is about: no item has decided about them."""
    return match_findings(Accepted.among(matches_in_no_item(request)))


def approval_obstacle(request: ErasureRequest) -> str:
    """Return why a request has to stay open although all else is settled; empty if one officer alone answered nothing.

    What is accepted and in no item is kept from later trainings as the request ends. Whoever approves a method or an end
    sees it, and is another officer than those who accepted it: what was accepted later needs an approval of its own.
    """
    proposals = Proposal.objects.filter(item__request=request).aggregate(last=Max("approved_at"))
    ends = request.endings.exclude(outcome=RequestOutcome.NOT_CONCERNED).aggregate(last=Max("approved_at"))
    approvals = [one["last"] for one in (proposals, ends) if one["last"]]
    alone = matches_in_no_item(request)
    if count := alone.filter(decided_at__gt=max(approvals)).count() if approvals else alone.count():
        sentence = ngettext(
            "%(n)d accepted example is in no open or decided item, and no second officer has approved that since. Search"
            " again, and propose to close the request.",
            "%(n)d accepted examples are in no open or decided item, and no second officer has approved that since. Search"
            " again, and propose to close the request.",
            count,
        )
        return sentence % {"n": count}
    return ""


def lapse_outcome(item: Item) -> RequestOutcome | None:
    """Return the outcome of an item that no model in use knows an example of, measurably; None while one does."""
    findings = item_findings(item)
    if findings.learned:
        return None
    if findings.no_influence:
        return RequestOutcome.NO_INFLUENCE
    return RequestOutcome.ALREADY_ERASED if findings.already_erased else RequestOutcome.NOT_LEARNED


def settled_outcome(request: ErasureRequest, supposing: Ending | None = None) -> RequestOutcome | None:
    """Return the outcome with which a request closes because nothing in it is open; None while something is.

    Args:
        request: the request.
        supposing: an ending that waits, or is about to be proposed: the answer is as if it were approved.
    """
    if supposing and supposing.item is None and (is_correction(supposing) or not review_goes_on(request)):
        return None if is_correction(supposing) else RequestOutcome(supposing.outcome)
    states = {item.pk: item.state for item in request.items.all()}
    if supposing and supposing.item:
        states[supposing.item.pk] = ending_state(supposing)
    ended = set(states.values())
    if ended - SETTLED or not ended or erasures_open(request).exists():
        return None
    if closing_obstacle(request, supposing) or (not supposing and approval_obstacle(request)):
        return None
    if ItemState.RELEASED in ended:
        return None if copies_waiting(request) else RequestOutcome.COMPLETED
    if ItemState.REFUSED in ended:
        return RequestOutcome.REFUSED
    # Not what its items lapsed for: other requests may have erased, or retrained, what they were about.
    became = {str(way) for _match, ways in what_became(request, supposing) for way in ways}
    return next((outcome for outcome in LAPSES if outcome in became), None)  # None: nothing in its items is accepted


def is_correction(ending: Ending) -> bool:
    """Return whether an end is only that examples leave their items: the request goes on."""
    return ending.outcome == RequestOutcome.NOT_CONCERNED


def ending_state(ending: Ending) -> ItemState:
    """Return the state to which an ending brings its item."""
    return ItemState.REFUSED if ending.outcome == RequestOutcome.REFUSED else ItemState.LAPSED
