"""The review of the matches: officers read each candidate example and accept or reject it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from compliance.ui.lists import applied_filters, page_of
from requests_app.models import ErasureRequest, Match
from requests_app.services.findings import closing_outcome, items_to_create, search_of
from requests_app.services.mapping import BY_HAND, match_add, matches_decide, review_complete
from requests_app.services.reasons import explanation_problem
from requests_app.services.searches import request_search_again
from requests_app.states import RequestState
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import example_png, examples_by_id, shows_images

from .passages import excerpt, mark_spans
from .requests import officers_only
from .searches import search_view
from .shared import identity, request_of

PAGE_SIZE = 20
DECISION_TONES = {
    Match.Decision.OPEN: "warning",
    Match.Decision.ACCEPTED: "success",
    Match.Decision.REJECTED: "neutral",
}
FOUND_BY: dict[str, Any] = {
    "exact": pgettext_lazy("found by", "same text"),
    "name": pgettext_lazy("found by", "name"),
    "identifier": pgettext_lazy("found by", "identifier"),
    BY_HAND: pgettext_lazy("found by", "an officer, by hand"),
}


class AddForm(LetheForm):
    """An example that the search did not find."""

    snapshot = forms.ModelChoiceField(
        label=gettext_lazy("Snapshot"),
        queryset=CorpusSnapshot.objects.select_related("corpus").order_by("-id"),
        empty_label=None,
        error_messages={"required": gettext_lazy("Choose a snapshot.")},
    )
    example_id = forms.CharField(
        label=gettext_lazy("Example"),
        max_length=40,
        help_text=gettext_lazy("Its id in the snapshot, such as e00000012."),
        error_messages={"required": gettext_lazy("Enter the id of an example.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("Why it belongs to this request"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For your colleagues. The claimant does not see it."),
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if problem := explanation_problem(reason):
            raise forms.ValidationError(problem)
        return reason


class MatchFilters(LetheForm):
    """Which matches to show."""

    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"), required=False, choices=[("", gettext_lazy("Any")), *Match.Decision.choices]
    )


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def match_list(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the matches, or accept or reject one of them, or all that are shown."""
    erasure_request = request_of(reference)
    if request.method != "POST":
        return _show(request, erasure_request)
    accept, ids = _decision(request)
    try:
        matches_decide(request=erasure_request, match_ids=ids, accept=accept, by=account_of(request))
    except StaleStateError as error:
        return _show(request, request_of(reference), str(error))
    place = f"#match-{ids[0]}" if len(ids) == 1 else ""
    return redirect(request.get_full_path() + place)


def _decision(request: HttpRequest) -> tuple[bool, list[int]]:
    """Read the pressed button: `accept` or `reject`, with the id of a match or `shown` for all on the page."""
    accept = "accept" in request.POST
    value = request.POST.get("accept" if accept else "reject", "")
    chosen = request.POST.getlist("shown") if value == "shown" else [value]
    return accept, [int(pk) for pk in chosen if pk.isdecimal()]


def _show(request: HttpRequest, erasure_request: ErasureRequest, problem: str = "") -> HttpResponse:
    form = MatchFilters(request.GET)
    rows = erasure_request.matches.select_related("snapshot__corpus", "decided_by").order_by("snapshot", "-score", "id")
    if form.is_valid() and form.cleaned_data["decision"]:
        rows = rows.filter(decision=form.cleaned_data["decision"])
    page = page_of(request, rows, PAGE_SIZE)
    counts = {decision: erasure_request.matches.filter(decision=decision).count() for decision in Match.Decision.values}
    context = identity(erasure_request) | {
        "filter_form": form,
        "applied": applied_filters(request, form),
        "page": page,
        "cards": list(_cards(page)),
        "counts": counts,
        "total": sum(counts.values()),
        "reviewing": erasure_request.state == RequestState.REVIEW,
        "search": search_view(erasure_request, search_of(erasure_request)),
        "post_url": request.get_full_path(),
        "problem": problem,
    }
    return render(request, "casework/matches.html", context, status=409 if problem else 200)


def matches_shown(rows: QuerySet[Match]) -> dict[str, Any]:
    """Return the context of `casework/_matches_shown.html`: the first matches with their passages, and their number."""
    page = rows.select_related("snapshot__corpus", "decided_by").order_by("snapshot", "-score", "id")[:PAGE_SIZE]
    return {"cards": list(_cards(page)), "matches_total": rows.count()}


@officers_only
@require_POST
def search_again(request: HttpRequest, reference: str) -> HttpResponse:
    """Have the training data searched again, and go back to the request."""
    try:
        request_search_again(request=request_of(reference), by=account_of(request))
        messages.success(request, _("The training data is searched again."))
    except StaleStateError as error:
        messages.warning(request, str(error))
    return redirect("casework:request_detail", reference)


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for an example that the search did not find, and accept it."""
    erasure_request = request_of(reference)
    form = AddForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                match_add(request=erasure_request, **form.cleaned_data, by=account_of(request))
                return redirect("casework:matches", erasure_request.reference)
            except StaleStateError as error:
                form.add_error(None, str(error))
                status, erasure_request = 409, request_of(reference)
    context = identity(erasure_request) | {"form": form, "reviewing": erasure_request.state == RequestState.REVIEW}
    return render(request, "casework/match_add.html", context, status=status)


@officers_only
@require_GET
def picture(request: HttpRequest, reference: str, pk: int) -> HttpResponse:  # noqa: ARG001  # a view
    """Return the image of a match."""
    match = get_object_or_404(Match.objects.select_related("snapshot__corpus"), request=request_of(reference), pk=pk)
    try:
        content = example_png(match.snapshot, match.example_id)
    except CorpusError:
        content = None
    if content is None:
        raise Http404
    # `private`: the picture is personal data, so no shared cache may keep it.
    return HttpResponse(content, content_type="image/png", headers={"Cache-Control": "private, max-age=600"})


def _cards(matches: Iterable[Match]) -> Iterable[dict[str, Any]]:
    # The page is ordered by snapshot: read each snapshot's texts once.
    for snapshot, group in groupby(matches, key=lambda match: match.snapshot):
        rows = list(group)
        texts, images = _texts(rows), shows_images(snapshot)
        for match in rows:
            text = texts.get(match.example_id)
            short, full = (excerpt(text, match.spans), mark_spans(text, match.spans)) if text is not None else ([], [])
            yield {
                "match": match,
                "snapshot": snapshot,
                "tone": DECISION_TONES[Match.Decision(match.decision)],
                "found_by": ", ".join(str(FOUND_BY.get(method, method)) for method in match.methods),
                "missing": text is None,
                "image": images and text is not None,
                "short": short,
                "full": full if any(segment.cut for segment in short) else [],
            }


def _texts(rows: Sequence[Match]) -> dict[str, str]:
    """Return the documents by example id, texts with their metadata; empty if the snapshot cannot be read."""
    try:
        examples = examples_by_id(rows[0].snapshot, [row.example_id for row in rows])
    except CorpusError:
        return {}
    return {example_id: example.document for example_id, example in examples.items()}


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def complete(request: HttpRequest, reference: str) -> HttpResponse:
    """Explain what completing the review does; POST completes it."""
    erasure_request = request_of(reference)
    if request.method == "POST":
        try:
            review_complete(request=erasure_request, by=account_of(request))
        except StaleStateError as error:
            return _confirm(request, request_of(reference), str(error))
        return redirect("casework:request_detail", erasure_request.reference)
    return _confirm(request, erasure_request)


def _confirm(request: HttpRequest, erasure_request: ErasureRequest, problem: str = "") -> HttpResponse:
    counts = {decision: erasure_request.matches.filter(decision=decision).count() for decision in Match.Decision.values}
    items = list(items_to_create(erasure_request))
    context = identity(erasure_request) | {
        **counts,
        "items": items,
        "goes_on": erasure_request.items.exists(),
        "closes": closing_outcome(erasure_request),
        "reviewing": erasure_request.state == RequestState.REVIEW,
        "problem": problem,
        "action": reverse("casework:review_complete", args=[erasure_request.reference]),
        "cancel_url": reverse("casework:matches", args=[erasure_request.reference]),
        "label": _("Finish the review"),
    }
    return render(request, "casework/review_complete.html", context, status=409 if problem else 200)
