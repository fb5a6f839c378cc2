"""The list of the matches: officers read the clusters of candidate examples and accept or reject each, or many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from compliance.ui.lists import address, applied_filters, csv_response, page_of
from requests_app.models import ErasureRequest, Match
from requests_app.review import (
    BESIDE_ACCEPTED,
    Cluster,
    chosen_ids,
    cluster_row,
    clusters_of,
    decision_counts,
    matches_filtered,
)
from requests_app.search_wording import query_words
from requests_app.services.findings import search_of
from requests_app.services.matches import How, decisions_undo, last_decided, matches_decide
from requests_app.services.permissions import approvers_left_sentence
from requests_app.states import RequestState
from unlearning_jobs.wording import rule_sentence

from .cards import PAGE_SIZE, cluster_cards, method_word, set_word, token_of
from .claim import claimed_words
from .requests import officers_only
from .searches import search_view, unfinished_links
from .shared import identity, request_of
from .stated import Parts, as_stated, match_parts, stated

CSV_COLUMNS = (
    *("example_id", "corpus", "snapshot", "set", "cluster", "decision"),
    *("found_by", "asked_for", "rules", "score", "copied"),
)
ANY = ("", gettext_lazy("Any"))
SORTED_BY = [
    ("copied", gettext_lazy("what is copied")),
    ("score", gettext_lazy("score")),
    ("size", gettext_lazy("size of the group")),
    ("example", gettext_lazy("order of finding")),
]


class MatchFilters(LetheForm):
    """Which matches to show. The choices are what the request's matches have."""

    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        required=False,
        choices=[ANY, *Match.Decision.choices, (BESIDE_ACCEPTED, gettext_lazy("Open, near-identical to accepted ones"))],
    )
    snapshot = forms.ChoiceField(label=gettext_lazy("Corpus"), required=False)
    set = forms.ChoiceField(label=gettext_lazy("Set"), required=False)
    method = forms.ChoiceField(label=gettext_lazy("Found by"), required=False)
    query = forms.ChoiceField(label=gettext_lazy("Asked for"), required=False)
    rule = forms.ChoiceField(label=gettext_lazy("Rule"), required=False)
    score = forms.FloatField(
        label=gettext_lazy("Score from"),
        required=False,
        min_value=0,
        max_value=1,
        help_text=gettext_lazy("From 0 to 1. 1: the passage is exactly what was asked for."),
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    cluster = forms.IntegerField(label=gettext_lazy("Group"), required=False, widget=forms.HiddenInput())
    sort = forms.ChoiceField(label=gettext_lazy("Sort by"), required=False, choices=SORTED_BY)

    def __init__(self, data: Any, erasure_request: ErasureRequest) -> None:
        super().__init__(data)
        rows = erasure_request.matches.order_by().values_list(
            *("snapshot", "snapshot__corpus__name", "snapshot__digest", "example_set", "methods", "queries", "because")
        )
        found = list(rows.distinct())
        self._choose("snapshot", {str(pk): f"{corpus} {digest[:12]}" for pk, corpus, digest, *_rest in found})
        self._choose("set", {name: set_word(name) for *_other, name, _methods, _queries, _because in found if name})
        self._choose("method", {one: method_word(one) for *_other, methods, _queries, _because in found for one in methods})
        self._choose("query", {one: query_words(one) for *_other, queries, _because in found for one in queries})
        self._choose("rule", {one: rule_sentence(one) for *_other, because in found for one in because})

    def _choose(self, name: str, choices: dict[str, str]) -> None:
        if len(choices) < 2 and name not in self.data:  # noqa: PLR2004  # with one, there is nothing to choose
            del self.fields[name]
            return
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # for the type checker: declared above
        field.choices = [ANY, *sorted(choices.items(), key=lambda pair: pair[1])]


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def match_list(request: HttpRequest, reference: str) -> HttpResponseBase:
    """Show the clusters of the matches, or accept or reject one of them."""
    erasure_request = request_of(reference)
    if request.method != "POST":
        return _show(request, erasure_request)
    accept = "accept" in request.POST
    token = request.POST.get("accept" if accept else "reject", "")
    rows = matches_filtered(erasure_request, filters_of(request, erasure_request))
    how: How = "cluster" if token.startswith("cluster-") else "each"
    try:
        with as_stated(request, erasure_request, lambda: {token: match_parts(_chosen(erasure_request, rows, token))}):
            ids = chosen_ids(rows, [token])
            matches_decide(request=erasure_request, match_ids=ids, accept=accept, by=account_of(request), how=how)
    except StaleStateError as error:
        return _show(request, request_of(reference), str(error))
    place = request.POST.get("after", "")  # the card to go on with, if the browser says so
    return redirect(f"{request.get_full_path()}#match-{place if place.isdecimal() else ids[0]}")


def filters_of(request: HttpRequest, erasure_request: ErasureRequest) -> dict[str, Any]:
    """Return the filters in the page's address; none if one of them is no filter."""
    form = MatchFilters(request.GET, erasure_request)
    return form.cleaned_data if form.is_valid() else {}


def _chosen(erasure_request: ErasureRequest, rows: QuerySet[Match], token: str) -> QuerySet[Match]:
    return erasure_request.matches.filter(pk__in=chosen_ids(rows, [token]))


def _show(request: HttpRequest, erasure_request: ErasureRequest, problem: str = "") -> HttpResponseBase:
    form, filters = MatchFilters(request.GET, erasure_request), filters_of(request, erasure_request)
    rows = matches_filtered(erasure_request, filters)
    if request.GET.get("format") == "csv":
        return csv_response(f"{erasure_request.reference}-matches", CSV_COLUMNS, _csv_rows(rows))
    apart = bool(filters.get("cluster"))
    page = page_of(request, clusters_of(rows, filters.get("sort") or "copied", apart=apart), PAGE_SIZE)
    counts, shown = decision_counts(erasure_request), [cluster_row(row) for row in page]
    own = last_decided(erasure_request, account_of(request))
    reviewing = erasure_request.state == RequestState.REVIEW
    context = identity(erasure_request) | {
        "filter_form": form,
        "page_has_errors": bool(form.errors),
        "applied": applied_filters(request, form),
        "page": page,
        "cards": cluster_cards(shown),
        "fields": stated(_parts(shown)) if reviewing else {},
        "counts": counts,
        "total": counts["open"] + counts["accepted"] + counts["rejected"],
        "reviewing": reviewing,
        "undo": own.count() if reviewing else 0,
        "undo_fields": stated({"matches": match_parts(own)}) if reviewing else {},
        "claimed": claimed_words(erasure_request),
        "apart": apart,
        "search": search_view(erasure_request, search_of(erasure_request)),
        "unfinished": unfinished_links(erasure_request) if reviewing else [],
        "approvers": approvers_left_sentence(erasure_request, account_of(request)),
        "post_url": request.get_full_path(),
        "bulk_url": f"{reverse('casework:matches_bulk', args=[erasure_request.reference])}{address(request)}",
        "csv_url": address(request, format="csv"),
        "beside_url": address(request, decision=BESIDE_ACCEPTED),
        "problem": problem,
    }
    return render(request, "casework/matches.html", context, status=409 if problem else 200)


def _parts(shown: Iterable[Cluster]) -> Parts:
    """Return what each card states: the matches that its buttons decide about, as they are."""
    clusters = list(shown)
    ids = [pk for cluster in clusters for pk in cluster.ids]
    decisions = dict(Match.objects.filter(pk__in=ids).values_list("pk", "decision"))
    parts = {}
    for cluster in clusters:
        rows = [[pk, decisions[pk]] for pk in sorted(cluster.ids) if pk in decisions]
        parts[token_of(cluster)] = [row for row in rows if row[1] == Match.Decision.OPEN] or rows
    return parts


def _csv_rows(rows: QuerySet[Match]) -> Iterator[tuple[object, ...]]:
    """Yield what a list of the matches may say outside: no text."""
    for match in rows.select_related("snapshot__corpus").order_by("snapshot", "example_set", "id").iterator(chunk_size=500):
        yield (
            match.example_id,
            match.snapshot.corpus.name,
            match.snapshot.digest,
            match.example_set,
            match.cluster,
            match.decision,
            " ".join(match.methods),
            " ".join(match.queries),
            " ".join(match.because),
            match.score,
            match.copied,
        )


@officers_only
@require_POST
def undo(request: HttpRequest, reference: str) -> HttpResponse:
    """Take back what this officer decided last, and go back to the list."""
    erasure_request, by = request_of(reference), account_of(request)
    place = ""
    try:
        with as_stated(request, erasure_request, lambda: {"matches": match_parts(last_decided(erasure_request, by))}):
            # The card to go on with is that of what was taken back: of a group, its lead.
            first = last_decided(erasure_request, by).order_by("-copied", "-score", "pk").first()
            place = f"#match-{first.pk}" if first else ""
            count = decisions_undo(request=erasure_request, by=by)
        words = ngettext("%(n)d match is open again.", "%(n)d matches are open again.", count) % {"n": count}
        messages.success(request, " ".join((_("Your last decision was taken back."), words)))
    except StaleStateError as error:
        messages.warning(request, str(error))
    query = request.GET.urlencode()
    return redirect(reverse("casework:matches", args=[reference]) + (f"?{query}" if query else "") + place)
