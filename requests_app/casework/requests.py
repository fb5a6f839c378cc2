"""The list of requests and the page of one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act
from compliance.ui.forms import LetheForm
from compliance.ui.lists import Sorting, address, csv_response, filter_context, page_of
from requests_app import selectors
from requests_app.models import ErasureRequest
from requests_app.references import reference_normalise
from requests_app.returns import Return, returns_standing
from requests_app.services.copies_due import closed_with_copies_waiting
from requests_app.services.extensions import extension_obstacle
from requests_app.services.findings import search_of
from requests_app.services.store_erasures import order_obstacle
from requests_app.services.suppressions import suppression_obstacle
from requests_app.states import ItemState, RequestState

from .claim import claim_rows
from .copy_rows import copies_task, copy_rows
from .searches import search_progress, search_view
from .shared import REQUEST_TONES, deadline_words, identity, request_of
from .store_rows import erasure_rows, erasures_tasks
from .timeline import message_rows, timeline
from .todo import ending_rows, item_cards, todo_list

KINDS = {
    ErasureRequest.Kind.ERASURE: pgettext_lazy("kind of request", "Erasure"),
    ErasureRequest.Kind.COPYRIGHT: pgettext_lazy("kind of request", "Copyright"),
}
SORTABLE = {"due": "due_on", "received": "received_at", "reference": "reference"}
CSV_COLUMNS = (
    *("reference", "kind", "state", "outcome", "received_at"),
    *("due_on", "days_left", "open_matches", "item_states"),
)
officers_only = act_required(Act.HANDLE_REQUESTS)


class RequestFilters(LetheForm):
    """Which requests to show. Closed ones are shown only on demand."""

    q = forms.CharField(
        label=gettext_lazy("Reference"), required=False, max_length=30, help_text=gettext_lazy("For example, LE-7KQ4-M2XD.")
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("All open")), *RequestState.choices, ("all", gettext_lazy("All, including closed"))],
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), required=False, choices=[("", gettext_lazy("Any")), *ErasureRequest.Kind.choices]
    )

    def clean_q(self) -> str:
        typed: str = self.cleaned_data["q"]
        normal = reference_normalise(typed) if typed else ""
        if normal is None:
            raise ValidationError(
                _("This is not a valid reference. Check each character: a reference looks like LE-7KQ4-M2XD.")
            )
        return normal


@officers_only
@require_safe
def request_list(request: HttpRequest) -> HttpResponseBase:
    """List open requests, the nearest deadline first."""
    form = RequestFilters(request.GET)
    sorting = Sorting.of(request, SORTABLE, "due")
    requests = _filtered(form).order_by(*sorting.order(SORTABLE))
    if request.GET.get("format") == "csv":
        return csv_response("requests", CSV_COLUMNS, _csv_rows(requests.iterator(chunk_size=500)))
    page = page_of(request, requests)
    context = {
        **filter_context(request, form),
        "page": page,
        "columns": _columns(request, sorting),
        "rows": [_row(row) for row in page],
        "csv_url": address(request, format="csv"),
        "returns": [_return_words(back) for back in returns_standing()],
        "copies": [row.reference for row in closed_with_copies_waiting()],
        "any_request": bool(page.object_list) or ErasureRequest.objects.exists(),
    }
    return render(request, "casework/request_list.html", context)


def _return_words(back: Return) -> str:
    sentence = _("%(model)s knows %(count)d examples that were erased, or that no model was to learn, for %(references)s.")
    if back.busy:
        sentence = " ".join([sentence, _("Something is under way for this model.")])
    facts = {"model": back.version, "count": len(back.example_ids), "references": ", ".join(back.references)}
    return sentence % facts


def _filtered(form: RequestFilters) -> QuerySet[ErasureRequest]:
    rows = selectors.requests_listed()
    if not form.is_valid():
        return rows.none()
    filters = form.cleaned_data
    if filters["q"]:
        rows = rows.filter(reference=filters["q"])
    if filters["kind"]:
        rows = rows.filter(kind=filters["kind"])
    if filters["state"] in RequestState.values:
        return rows.filter(state=filters["state"])
    # A reference names one request; whoever types it means it, open or closed.
    return rows if filters["state"] or filters["q"] else rows.exclude(state=RequestState.CLOSED)


def _columns(request: HttpRequest, sorting: Sorting) -> list[dict[str, object]]:
    return [
        sorting.column(request, "reference", _("Reference")),
        {"label": _("Kind")},
        {"label": _("State")},
        {"label": _("To do")},
        sorting.column(request, "received", _("Received")),
        sorting.column(request, "due", _("Answer by")),
        {"label": _("Time left")},
    ]


def _row(row: ErasureRequest) -> list[object]:
    words, tone = deadline_words(row)
    return [
        {"text": row.reference, "url": reverse("casework:request_detail", args=[row.reference])},
        KINDS[ErasureRequest.Kind(row.kind)],
        {"tag_label": row.get_state_display(), "tag_tone": REQUEST_TONES[RequestState(row.state)]},
        _to_do(row),
        date_format(localtime(row.received_at), "SHORT_DATE_FORMAT"),
        date_format(row.due_on, "SHORT_DATE_FORMAT"),
        {"tag_label": words, "tag_tone": tone} if tone else words,
    ]


def _to_do(row: ErasureRequest) -> str:
    """Return what waits for an officer, in a few words."""
    if row.state == RequestState.CLOSED:
        return row.get_outcome_display()
    words, unfinished = _next_words(row), row.unfinished_samples  # type: ignore[attr-defined]  # annotated by the selector
    if not unfinished:
        return words
    sample = ngettext("finish %(n)d sample", "finish %(n)d samples", unfinished) % {"n": unfinished}
    return sample if words == "–" else f"{words}, {sample}"


def _next_words(row: ErasureRequest) -> str:
    if row.state == RequestState.REVIEW:
        count: int = row.open_matches  # type: ignore[attr-defined]  # annotated by the selector
        return ngettext("%(n)d match", "%(n)d matches", count) % {"n": count} if count else _("finish the review")
    if row.unreachable:  # type: ignore[attr-defined]  # annotated by the selector
        return _("the e-mail failed: send it again, or write another way")
    states: list[str] = row.item_states  # type: ignore[attr-defined]  # annotated by the selector
    return ", ".join(str(ItemState(state).label) for state in states) or "–"


def _csv_rows(rows: Iterable[ErasureRequest]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        yield (
            row.reference,
            row.kind,
            row.state,
            row.outcome,
            row.received_at,
            row.due_on,
            selectors.days_left(row),
            row.open_matches,  # type: ignore[attr-defined]  # annotated by the selector
            " ".join(row.item_states),  # type: ignore[attr-defined]  # annotated by the selector
        )


@officers_only
@require_safe
def request_detail(request: HttpRequest, reference: str) -> HttpResponse:
    """Show one request: what was asked for, what to do next, how far each item is, and what has happened."""
    erasure_request = request_of(reference)
    items, progress = list(selectors.items_of(erasure_request)), search_progress(erasure_request)
    copies = copy_rows(erasure_request)
    stores = erasure_rows(erasure_request)
    context = identity(erasure_request) | {
        "claim": claim_rows(erasure_request),
        "tasks": [*todo_list(erasure_request, items), *copies_task(erasure_request, copies), *erasures_tasks(stores)],
        "copies": copies,
        "stores": stores,
        "can_erase": not order_obstacle(erasure_request),
        "items": item_cards(erasure_request, items),
        "endings": ending_rows(erasure_request),
        "search": search_view(erasure_request, search_of(erasure_request)),
        "progress": progress,
        "can_extend": not extension_obstacle(erasure_request),
        "suppressions": erasure_request.suppressions.all(),
        "can_suppress": not suppression_obstacle(erasure_request),
        "can_search": erasure_request.state in {RequestState.REVIEW, RequestState.IN_PROGRESS} or "failure" in progress,
        "events": timeline(erasure_request),
        "message_rows": message_rows(erasure_request),
    }
    return render(request, "casework/request_detail.html", context)


@officers_only
@never_cache
@require_safe
def search_live(request: HttpRequest, reference: str) -> HttpResponse:
    """Answer the page's poll with the progress of the search. When that has ended, have the whole page loaded once more."""
    progress = search_progress(request_of(reference))
    response = render(request, "casework/_search_live.html", {"progress": progress})
    if not progress.get("poll_url"):
        response["HX-Refresh"] = "true"
    return response
