"""Choose a method for an item; let a second officer approve or decline it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from requests_app.deadlines import end_of
from requests_app.models import Item, Proposal
from requests_app.services import decisions
from requests_app.services.accepted import matches_in_no_item
from requests_app.services.findings import remaining_examples
from requests_app.services.outcomes import lapse_outcome
from requests_app.services.permissions import approval_refusal, approvers_left_sentence, require_approver
from requests_app.states import ItemState
from unlearning_jobs.engine.advisor import Precedent, Situation
from unlearning_jobs.engine.catalogue import ATTACKS, METHODS, metrics_of
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.origins import guarantee_for, origin_sentences
from unlearning_jobs.report.data import job_evaluation
from unlearning_jobs.selectors import method_advice, method_forecast, precedents, proposal_situation
from unlearning_jobs.states import ModelState
from unlearning_jobs.wording import VERDICTS, duration, method_title, metric_title

from .advice import clock_words, cost_rows, guarantee_rows, method_cards, rule_sentences
from .attacks import attack_choices, attack_titles, with_proposed_attacks
from .cards import matches_shown
from .margins import margin_rows
from .outlook import outlook_sentences, proposed_evaluations, size_words
from .placement import placement_sentences
from .proposal_form import ProposalForm, estimands_for, proposed_design
from .requests import officers_only
from .shared import ITEM_TONES, identity, item_of, proposal_of
from .stated import Parts, as_stated, match_parts, stated

PAGE_METHODS = ["GET", "HEAD", "POST"]


@officers_only
@require_http_methods(PAGE_METHODS)
def propose(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show what every method guarantees, costs and needs, or take the choice."""
    # 1. Without an active version there is nothing to unlearn from.
    item = item_of(reference, number)
    base = _active(item)
    if base is None or not remaining_examples(item, base):
        context = identity(item.request) | {"item": item, "base": base, "lapses": lapse_outcome(item) is not None}
        return render(request, "casework/proposal_impossible.html", context, status=409)
    # 2. Which methods can run here, in which order, and at what cost?
    earlier = precedents(base.name)
    situation = with_proposed_attacks(_situation(item, base, earlier))
    methods, attacks = method_advice(situation), attack_choices(situation)
    if request.method != "POST":
        form = ProposalForm(methods=methods, base=base, precedents=earlier, attacks=attacks)
        return _choose(request, item, situation, form)
    # 3. Take the choice; the service checks it again.
    form = ProposalForm(request.POST, methods=methods, base=base, precedents=earlier, attacks=attacks)
    if not form.is_valid():
        return _choose(request, item, situation, form, status=422)
    try:
        with as_stated(request, item.request, lambda: _offered(item_of(reference, number))):
            proposal = decisions.proposal_submit(
                item=item, method=form.choice(), protocol=form.protocol(), by=account_of(request)
            )
    except (SpecError, StaleStateError) as error:
        form.add_error(None, str(error))
        return _choose(request, item_of(reference, number), situation, form, status=409)
    return redirect("casework:proposal", item.request.reference, item.number, proposal.number)


def _offered(item: Item) -> Parts:
    """Return what the page states before a method is chosen: the model, the examples, and the proposed evaluations."""
    base = _active(item)
    if base is None:
        return {"models": "", "examples": [], "method": []}
    earlier = precedents(base.name)
    designs = [proposed_design("exact", base, earlier), proposed_design("empirical", base, earlier)]
    return {
        "models": base.digest,
        "examples": list(remaining_examples(item, base)),
        "method": [design.protocol().to_json() for design in designs],
    }


def _active(item: Item) -> ModelVersion | None:
    versions = ModelVersion.objects.select_related("snapshot", "recipe__checkpoint")
    return versions.filter(name=item.model_name, state=ModelState.ACTIVE).first()


def _situation(item: Item, base: ModelVersion, earlier: Sequence[Precedent]) -> Situation:
    """Describe the job to be proposed: protocols of the proposed size, and the time until the answer is due."""
    return proposal_situation(
        base,
        remaining_examples(item, base),
        annex=proposed_design("exact", base, earlier).protocol(),
        measured=proposed_design("empirical", base, earlier).protocol(),
        until=end_of(item.request.due_on, settings.TIME_ZONE),
    )


def _choose(request: HttpRequest, item: Item, situation: Situation, form: ProposalForm, status: int = 200) -> HttpResponse:
    base, seconds = form.base, situation.facts.trained_seconds
    cards = method_cards(form.methods, situation, form)
    context = identity(item.request) | {
        "item": item,
        "base": base,
        "examples": len(remaining_examples(item, base)),
        "form": form,
        "cards": [card for card in cards if not card.obstacles],
        "others": [card for card in cards if card.obstacles],
        "situation": situation,
        "clock": clock_words(situation),
        "placement": list(placement_sentences(situation, base)),
        "late": situation.seconds_left is not None and situation.seconds_left <= 0,
        "rules": rule_sentences(),
        "guarantees": guarantee_rows(base),
        "origins": origin_sentences(base),
        "margins": margin_rows(estimands_for(base)),
        "impossible_attacks": [attack for attack in attack_choices(situation) if attack.obstacles],
        "evaluations": proposed_evaluations(base, form.precedents),
        "training": duration(seconds) if seconds else "",
        "choosing": item.state == ItemState.GRANTED,
        "approvers": approvers_left_sentence(item.request, account_of(request)),
        "fields": stated(_offered(item)),
        "earlier_proposals": list(item.proposals.order_by("number").select_related("declined_by")),
    }
    return render(request, "casework/proposal_new.html", context, status=status)


@officers_only
@require_http_methods(PAGE_METHODS)
def proposal_detail(request: HttpRequest, reference: str, number: int, attempt: int) -> HttpResponse:
    """Show everything that was chosen, or take the second officer's decision."""
    proposal = proposal_of(reference, number, attempt)
    if request.method != "POST":
        return _review(request, proposal)
    decision, by = request.POST.get("decision"), account_of(request)
    if decision not in {"approve", "decline"}:
        return _review(request, proposal, _("Choose whether to approve or decline."))
    try:
        if decision == "approve":
            require_approver(proposal, by)
        with as_stated(request, proposal.item.request, lambda: _parts(proposal_of(reference, number, attempt))):
            if decision == "approve":
                decisions.proposal_approve(proposal=proposal, by=by)
            else:
                decisions.proposal_decline(proposal=proposal, reason=request.POST.get("reason", ""), by=by)
    except StaleStateError as error:
        return _review(request, proposal_of(reference, number, attempt), str(error))
    return redirect("casework:request_detail", proposal.item.request.reference)


def _parts(proposal: Proposal) -> Parts:
    """Return what the page states about a proposal that waits."""
    examples = remaining_examples(proposal.item, proposal.base)
    return {
        "examples": list(examples),
        "method": [proposal.method, proposal.protocol_sha256, proposal.base.digest],
        "matches": match_parts(proposal.item.request.matches.filter(example_id__in=examples)),
        "beside": match_parts(matches_in_no_item(proposal.item.request)),
    }


def _review(request: HttpRequest, proposal: Proposal, problem: str = "") -> HttpResponse:
    item = proposal.item
    waiting = item.state == ItemState.AWAITING_APPROVAL and not proposal.approved_by_id and not proposal.declined_by_id
    examples = remaining_examples(item, proposal.base)
    count = len(examples)
    accepted = item.request.matches.filter(snapshot=item.snapshot, example_id__in=examples)
    label = ngettext(
        "Approve and start unlearning %(n)d example from %(model)s",
        "Approve and start unlearning %(n)d examples from %(model)s",
        count,
    ) % {"n": count, "model": proposal.base}
    context = identity(item.request) | {
        "item": item,
        "item_tone": ITEM_TONES[ItemState(item.state)],
        "proposal": proposal,
        "method": method_title(proposal.method["name"]),
        "guarantee": guarantee_for(
            proposal.method["name"], proposal.base, Protocol.from_json(proposal.protocol), job_evaluation(proposal.job)
        ),
        "origins": origin_sentences(proposal.base),
        "config": sorted(proposal.method["config"].items()),
        "verdict": VERDICTS.get(proposal.verdict),
        "examples": count,
        **matches_shown(accepted),
        "beside": matches_shown(matches_in_no_item(item.request)) if waiting else {},
        "fields": stated(_parts(proposal)),
        "reason": request.POST.get("reason", ""),
        "waiting": waiting,
        "refusal": approval_refusal(proposal, account_of(request)) if waiting else "",
        "label": label,
        "problem": problem,
    }
    forecast = _forecast(proposal) if waiting else {}
    context |= _protocol(proposal) | forecast
    return render(request, "casework/proposal.html", context, status=409 if problem else 200)


def _protocol(proposal: Proposal) -> dict[str, Any]:
    protocol, family = Protocol.from_json(proposal.protocol), proposal.base.recipe.family
    of_attacks = {name for entry in ATTACKS.values() for name in entry.metrics}
    return {
        "protocol": protocol,
        "size": size_words(protocol),
        "smallest_p": protocol.smallest_p(),
        "margins": margin_rows(protocol.estimands),
        "metrics": [metric_title(name) for name in metrics_of(protocol, family) if name not in of_attacks],
        "attacks": attack_titles(protocol),
    }


def _forecast(proposal: Proposal) -> dict[str, Any]:
    """Say, before the approval, how likely the job is to be decided and what it may cost."""
    method, base = MethodChoice.from_json(proposal.method), proposal.base
    protocol = Protocol.from_json(proposal.protocol)
    if method.name not in METHODS:  # it has been removed since the proposal
        return {}
    guarantee = METHODS[method.name].guarantee
    situation = proposal_situation(
        base, remaining_examples(proposal.item, base), annex=protocol, measured=protocol, until=None
    )
    expected = method_forecast(method, situation)
    return {
        "outlook": outlook_sentences(guarantee, protocol, precedents(base.name)),
        "cost": cost_rows(expected, situation) if expected else [],
        "clock": clock_words(situation),
    }
