"""Ends without unlearning: propose one, see the letter that it sends, and let a second officer approve or decline it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from requests_app.models import Ending, ErasureRequest, Item, Match
from requests_app.services import endings
from requests_app.services.accepted import leaving_matches, matches_in_no_item
from requests_app.services.ending_drafts import needs_reasons
from requests_app.services.letters import closing_letter
from requests_app.services.outcomes import is_correction
from requests_app.services.permissions import approval_refusal, approvers_left_sentence, require_approver
from requests_app.services.reasons import REASONS_MISSING, reasons_problem
from requests_app.wording import fact_sentences

from .cards import matches_shown
from .requests import officers_only
from .searches import search_view
from .shared import ending_of, identity, item_of, origins_of, request_of
from .stated import Parts, as_stated, ending_parts, match_parts, stated

PAGE_METHODS = ["GET", "HEAD", "POST"]


class ReasonsForm(LetheForm):
    """What the claimant is told about a search that was not possible."""

    reasons = forms.CharField(
        label=gettext_lazy("Explanation for the claimant"),
        max_length=10_000,
        help_text=gettext_lazy(
            "Say in plain language why the search cannot be made good. The letter adds what the last search did not cover."
        ),
        error_messages={"required": REASONS_MISSING},
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_reasons(self) -> str:
        reasons: str = self.cleaned_data["reasons"]
        if problem := reasons_problem(reasons):
            raise forms.ValidationError(problem)
        return reasons


@officers_only
@require_http_methods(PAGE_METHODS)
def closing(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the one end that the facts allow, with its letter; the confirmed POST proposes it."""
    erasure_request, by = request_of(reference), account_of(request)
    try:
        draft = _closing_draft(request, reference)
    except StaleStateError as error:
        return render(request, "casework/closing.html", identity(erasure_request) | {"problem": str(error)}, status=409)
    form = ReasonsForm(request.POST if request.method == "POST" else None) if needs_reasons(draft.outcome) else None
    if request.method != "POST" or (form and not form.is_valid()) or "change" in request.POST:
        status = 422 if request.method == "POST" and form and form.errors else 200
        return _show_draft(request, draft, form, show_letter=form is None, status=status)
    if "confirmed" not in request.POST:
        return _show_draft(request, draft, form, show_letter=True)
    try:
        with as_stated(request, erasure_request, lambda: ending_parts(_closing_draft(request, reference))):
            ending = endings.closing_propose(
                request=erasure_request, outcome=request.POST.get("outcome", ""), reasons=draft.reasons, by=by
            )
    except StaleStateError as error:
        return _show_draft(request, draft, form, show_letter=True, problem=str(error), status=409)
    return redirect("casework:ending", erasure_request.reference, ending.number)


def _closing_draft(request: HttpRequest, reference: str) -> Ending:
    reasons = request.POST.get("reasons", "")
    return endings.closing_draft(request=request_of(reference), reasons=reasons, by=account_of(request))


def _show_draft(
    request: HttpRequest,
    draft: Ending,
    form: ReasonsForm | None,
    *,
    show_letter: bool,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = _context(draft) | {
        "form": form,
        "letter": closing_letter(draft) if show_letter else None,
        "fields": {"outcome": draft.outcome, "reasons": draft.reasons, "confirmed": "yes"} | stated(ending_parts(draft)),
        "approvers": approvers_left_sentence(draft.request, draft.proposed_by),
        "problem": problem,
    }
    return render(request, "casework/closing.html", context, status=status)


class CorrectionForm(ReasonsForm):
    """Why examples leave items."""

    reasons = forms.CharField(
        label=gettext_lazy("Reasons for the claimant"),
        max_length=10_000,
        help_text=gettext_lazy("Say why these examples do not belong to the request. The last letter tells it."),
        error_messages={"required": REASONS_MISSING},
        widget=forms.Textarea(attrs={"rows": 5}),
    )


@officers_only
@require_http_methods(PAGE_METHODS)
def correction(request: HttpRequest, reference: str) -> HttpResponse:
    """Show what was rejected and is in items; POST proposes, with reasons, to take it out of them."""
    by, problem, status = account_of(request), "", 200
    form = CorrectionForm(request.POST if request.method == "POST" else None)
    if form.is_bound:
        status = 409 if form.is_valid() else 422
    if form.is_bound and form.is_valid():
        reasons = form.cleaned_data["reasons"]
        try:
            with as_stated(request, request_of(reference), lambda: _leaving(request_of(reference))):
                ending = endings.correction_propose(request=request_of(reference), reasons=reasons, by=by)
            return redirect("casework:ending", ending.request.reference, ending.number)
        except StaleStateError as error:
            problem = str(error)
    erasure_request = request_of(reference)
    context = identity(erasure_request) | {
        "form": form,
        **matches_shown(leaving_matches(erasure_request)),
        "fields": stated(_leaving(erasure_request)),
        "approvers": approvers_left_sentence(erasure_request, by),
        "problem": problem,
    }
    try:
        endings.correction_draft(request=erasure_request, reasons="", by=by)
    except StaleStateError as error:
        context, status = context | {"problem": str(error), "form": None}, 409
    return render(request, "casework/correction.html", context, status=status)


def _leaving(erasure_request: ErasureRequest) -> Parts:
    return {"matches": match_parts(leaving_matches(erasure_request))}


@officers_only
@require_http_methods(PAGE_METHODS)
def lapse(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show why nothing is left to unlearn in an item; POST proposes to end it."""
    item, by, problem = item_of(reference, number), account_of(request), ""
    if request.method == "POST":
        try:
            with as_stated(request, item.request, lambda: _lapse_parts(item_of(reference, number), by)):
                ending = endings.lapse_propose(item=item, by=by)
            return redirect("casework:ending", item.request.reference, ending.number)
        except StaleStateError as error:
            item, problem = item_of(reference, number), str(error)
    return _show_lapse(request, item, problem)


def _lapse_parts(item: Item, by: Account) -> Parts:
    return ending_parts(endings.lapse_draft(item=item, by=by))


def _show_lapse(request: HttpRequest, item: Item, problem: str) -> HttpResponse:
    by = account_of(request)
    context = identity(item.request) | {"item": item, "problem": problem}
    try:
        draft = endings.lapse_draft(item=item, by=by)
    except StaleStateError as error:
        return render(request, "casework/lapse.html", context | {"problem": str(error)}, status=409)
    context = (
        _context(draft)
        | context
        | {
            "letter": closing_letter(draft),
            "fields": stated(_lapse_parts(item, by)),
            "approvers": approvers_left_sentence(item.request, by),
        }
    )
    return render(request, "casework/lapse.html", context, status=409 if problem else 200)


@officers_only
@require_http_methods(PAGE_METHODS)
def ending_detail(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show what was proposed, with grounds, reasons, matches and letter; or take the second officer's decision."""
    ending, by = ending_of(reference, number), account_of(request)
    if request.method != "POST":
        return _show(request, ending)
    decision = request.POST.get("decision")
    if decision not in {"approve", "decline"}:
        return _show(request, ending, _("Choose whether to approve or decline."))
    try:
        if decision == "approve":
            require_approver(ending, by)
        with as_stated(request, ending.request, lambda: _parts(ending_of(reference, number))):
            if decision == "approve":
                endings.ending_approve(ending=ending, by=by)
            else:
                endings.ending_decline(ending=ending, reason=request.POST.get("reason", ""), by=by)
    except StaleStateError as error:
        return _show(request, ending_of(reference, number), str(error))
    return redirect("casework:request_detail", ending.request.reference)


def _show(request: HttpRequest, ending: Ending, problem: str = "") -> HttpResponse:
    rows = _matches(ending)
    waiting = endings.waits(ending)
    context = _context(ending) | {
        "correction": is_correction(ending),
        **matches_shown(rows),
        "beside": matches_shown(matches_in_no_item(ending.request)) if waiting else {},
        "waiting": waiting,
        "lapsed": not (waiting or ending.approved_by_id or ending.declined_by_id),
        "letter": closing_letter(ending) if waiting else None,
        "refusal": approval_refusal(ending, account_of(request)) if waiting else "",
        "fields": stated(_parts(ending)) if waiting else {},
        "reason": request.POST.get("reason", ""),
        "problem": problem,
    }
    return render(request, "casework/ending.html", context, status=409 if problem else 200)


def _matches(ending: Ending) -> QuerySet[Match]:
    """Return the matches that an end is about."""
    rows, item = ending.request.matches.all(), ending.item
    if is_correction(ending):
        return rows.filter(pk__in=ending.match_ids)
    return rows.filter(snapshot=item.snapshot, example_id__in=item.example_ids) if item else rows


def _parts(ending: Ending) -> Parts:
    """Return what the page states about an end that waits."""
    beside = match_parts(matches_in_no_item(ending.request))
    return {**ending_parts(ending), "matches": match_parts(_matches(ending)), "beside": beside}


def _context(ending: Ending) -> dict[str, Any]:
    return identity(ending.request) | {
        "ending": ending,
        "outcome": ending.get_outcome_display(),
        "item": ending.item,
        "origins": origins_of(ending.item) if ending.item else [],
        "facts": fact_sentences(ending.facts),
        "search": search_view(ending.request, ending.search),
    }
