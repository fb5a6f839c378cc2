"""What an end without unlearning rests on: written down when it is proposed, and asked again when it is approved."""

from __future__ import annotations

from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from requests_app.models import Ending, ErasureRequest, Item
from requests_app.states import RequestOutcome

from .accepted import leaving_matches
from .findings import item_findings, search_of
from .outcomes import closing_findings, closing_outcome, is_correction, lapse_outcome


def ending_draft(
    outcome: RequestOutcome, by: Account, *, request: ErasureRequest, item: Item | None, ground: str = "", reasons: str = ""
) -> Ending:
    """Return an ending, unsaved, with the facts that it rests on."""
    findings = closing_findings(request) if item is None else item_findings(item)
    facts = findings.facts()
    if outcome in {RequestOutcome.REFUSED, RequestOutcome.NOT_CONCERNED}:
        facts = dict.fromkeys(facts, 0)
    leaving = _leaving(request) if outcome == RequestOutcome.NOT_CONCERNED else []
    if leaving:
        facts["not_concerned"] = len(leaving)
    return Ending(
        request=request,
        number=request.endings.count() + 1,
        item=item,
        outcome=outcome,
        ground=ground,
        reasons=reasons.strip(),
        facts=facts,
        match_ids=leaving,
        search=search_of(request),
        proposed_by=by,
    )


def require_same_facts(ending: Ending) -> None:
    """Raise StaleStateError if the proposed end no longer follows from the facts; it must be declined then."""
    if ending.outcome == RequestOutcome.REFUSED:
        return
    item = ending.item
    if is_correction(ending) and ending.match_ids == _leaving(ending.request):
        return
    outcome = lapse_outcome(item) if item else closing_outcome(ending.request)
    findings = item_findings(item) if item else closing_findings(ending.request)
    if (outcome, findings.facts()) != (ending.outcome, ending.facts):
        raise StaleStateError(_("The facts have changed since this was proposed. Decline it, and have it proposed again."))


def ending_data(ending: Ending) -> dict[str, object]:
    """Return what the record says about an ending; the reasons stay out of it, because they may name people."""
    item = {"item": ending.item.key if ending.item else ""}
    return item | {"ending": ending.number, "outcome": str(ending.outcome), "ground": ending.ground}


def needs_reasons(outcome: str) -> bool:
    """Return whether officers must explain this end to the claimant; for the others, the facts speak."""
    return outcome in {RequestOutcome.REFUSED, RequestOutcome.NOT_SEARCHED, RequestOutcome.NOT_CONCERNED}


def _leaving(request: ErasureRequest) -> list[int]:
    return list(leaving_matches(request).order_by("pk").values_list("pk", flat=True))
