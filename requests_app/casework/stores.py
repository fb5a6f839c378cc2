"""Erase documents from a data store: order it, look at the list, approve it, and accept the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from requests_app.models import ErasureRequest, StoreErasure
from requests_app.services.letters import Letter
from requests_app.services.queries import request_queries
from requests_app.services.store_erasures import (
    approval_refusal,
    giving_up_obstacle,
    letter_after,
    order_obstacle,
    settlement_refusal,
    store_erasure_approve,
    store_erasure_give_up,
    store_erasure_order,
    store_erasure_resume,
    store_erasure_settle,
)
from requests_app.states import GRANT_GROUNDS, Ground, RequestState
from requests_app.store_folders import job_folder
from requests_app.stores_wording import HOW_WORDS, Verdict, error_words, result_words
from unlearning_jobs.engine.stores.journal import listed_in
from unlearning_jobs.models import DataStore

from .requests import officers_only
from .shared import identity, request_of
from .stated import Parts, as_stated, stated
from .store_rows import Stage, standing, title_of

LINES = forms.Textarea(attrs={"rows": 3})
SHOWN: Final = 200
"""Documents that the page shows; the digest is of all."""
CHARACTERS: Final = 400
BETWEEN: Final = "|"


class OrderForm(LetheForm):
    """Which store is searched, for what, and on which ground."""

    store = forms.ModelChoiceField(
        label=gettext_lazy("Data store"),
        queryset=DataStore.objects.none(),
        empty_label=None,
        error_messages={"required": gettext_lazy("Choose a store."), "invalid_choice": gettext_lazy("Choose a store.")},
    )
    ground = forms.ChoiceField(
        label=gettext_lazy("Ground"), error_messages={"required": gettext_lazy("Choose a ground that fits the decision.")}
    )
    names = forms.CharField(
        label=gettext_lazy("Names"), required=False, help_text=gettext_lazy("One to a line."), widget=LINES
    )
    identifiers = forms.CharField(
        label=gettext_lazy("Addresses, accounts and numbers"),
        required=False,
        help_text=gettext_lazy("One to a line."),
        widget=LINES,
    )
    texts = forms.CharField(
        label=gettext_lazy("Texts"),
        required=False,
        help_text=gettext_lazy("Word by word as they stand in documents, with an empty line between two."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    keys = forms.CharField(
        label=gettext_lazy("Keys of documents"), required=False, help_text=gettext_lazy("One to a line."), widget=LINES
    )
    paraphrases = forms.CharField(
        label=gettext_lazy("Asked afterwards, in other words"),
        required=False,
        help_text=gettext_lazy("One to a line. None may lead to a deleted document. The store needs an encoder for it."),
        widget=LINES,
    )
    questions = forms.CharField(
        label=gettext_lazy("Questions to the model without the store"),
        required=False,
        help_text=gettext_lazy("One to a line: the question, a vertical bar, and the words that its answer must not hold."),
        widget=LINES,
    )

    def __init__(self, *given: Any, erasure_request: ErasureRequest, **named: Any) -> None:
        super().__init__(*given, **named)
        stores = DataStore.objects.filter(retired_at=None)
        cast("forms.ModelChoiceField[DataStore]", self.fields["store"]).queryset = stores
        grounds = [(str(ground.value), ground.label) for ground in GRANT_GROUNDS[erasure_request.kind]]
        cast("forms.ChoiceField", self.fields["ground"]).choices = [("", _("Choose")), *grounds]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not any(data.get(name) for name in ("names", "identifiers", "texts", "keys")):
            self.add_error("names", _("Say what is to be looked for."))
        if any(BETWEEN not in line for line in _lines(data.get("questions", ""))):
            self.add_error("questions", _("Write a question, a vertical bar, and the answer in each line."))
        store = data.get("store")
        if data.get("questions") and store and "model" not in store.description:
            self.add_error("questions", _("No model is registered with this store."))
        return data

    def sought(self) -> dict[str, Any]:
        """Return what the form says is looked for."""
        data = self.cleaned_data
        asked = [("name", one) for one in _lines(data["names"])]
        asked += [("identifier", one) for one in _lines(data["identifiers"])]
        asked += [("exact", one) for one in _passages(data["texts"])]
        questions = [line.partition(BETWEEN) for line in _lines(data["questions"])]
        return {
            "queries": [{"kind": kind, "value": value} for kind, value in asked],
            "keys": _lines(data["keys"]),
            "paraphrases": _lines(data["paraphrases"]),
            "questions": [{"question": one.strip(), "answer": other.strip()} for one, _bar, other in questions],
        }


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask what is to be erased from which store, and order it."""
    erasure_request = request_of(reference)
    obstacle = order_obstacle(erasure_request)
    posted = request.POST if request.method == "POST" else None
    form = OrderForm(posted, erasure_request=erasure_request, initial=_proposed(erasure_request))
    if request.method == "POST" and not obstacle and form.is_valid():
        data = form.cleaned_data
        try:
            row = store_erasure_order(
                request=erasure_request,
                store=data["store"],
                ground=data["ground"],
                sought=form.sought(),
                by=account_of(request),
            )
        except StaleStateError as error:
            form.add_error(None, str(error))
        else:
            return redirect("casework:store_erasure", erasure_request.reference, row.number)
    context = identity(erasure_request) | {"form": form, "obstacle": obstacle}
    status = 409 if obstacle and request.method == "POST" else 422 if form.errors else 200
    return render(request, "casework/store_erasure_new.html", context, status=status)


@officers_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def erasure_detail(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show an erasure with its list and its result. A POST approves, resumes, gives up, or settles it.

    If that closes the request, the first POST shows the letter, and the second sends it.
    """
    row, by, name = _row(reference, number), account_of(request), request.POST.get("act", "")
    if request.method != "POST":
        return _show(request, row)
    try:
        if act := ENDS.get(name):
            shown = letter_after(act, row=row, by=by)
            if shown and "confirmed" not in request.POST:
                return _show(request, row, shown=shown, by_act=name)
            with as_stated(request, row.request, lambda: _letter_parts(act, _row(reference, number), by, shown)):
                act(row=row, by=by)
        elif name == "approve":
            with as_stated(request, row.request, lambda: {"listing": _row(reference, number).listing_sha256}):
                store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=by)
        elif name == "resume":
            store_erasure_resume(row=row, by=by)
    except StaleStateError as error:
        return _show(request, _row(reference, number), problem=str(error))
    return redirect("casework:store_erasure", reference, number)


ENDS: Final[dict[str, Callable[..., StoreErasure]]] = {"settle": store_erasure_settle, "give_up": store_erasure_give_up}
"""What may close the request, by the name that is posted."""


def _row(reference: str, number: int) -> StoreErasure:
    erasure_request = request_of(reference)
    related = ("store", "ordered_by", "approved_by", "over_by")
    row = get_object_or_404(erasure_request.store_erasures.select_related(*related), number=number)
    row.request = erasure_request
    return row


def _letter_parts(act: Callable[..., StoreErasure], row: StoreErasure, by: Account, shown: Letter | None) -> Parts:
    """Return what the page stated: the letter, if there was one."""
    if shown is None:
        return {}
    written = letter_after(act, row=row, by=by)
    return {"letter": written.text if written else ""}


def _show(
    request: HttpRequest, row: StoreErasure, *, shown: Letter | None = None, by_act: str = "", problem: str = ""
) -> HttpResponse:
    by = account_of(request)
    documents = listed_in(job_folder(row.pk)) if row.stage in (Stage.LISTED, Stage.ERASING, Stage.ENDED) else []
    words, tone = standing(row)
    not_passed = row.stage == Stage.ENDED and row.verdict != Verdict.PASSED
    context = identity(row.request) | {
        "row": row,
        "title": title_of(row),
        "words": words,
        "tone": tone,
        "ground": Ground(row.ground).label,
        "documents": [
            {"key": one["key"], "text": one["text"][:CHARACTERS], "how": HOW_WORDS.get(one["how"], one["how"])}
            for one in documents[:SHOWN]
        ],
        "more": max(0, len(documents) - SHOWN),
        "failure": error_words(row.error_code) if row.has_failed else "",
        "result": result_words(row) if row.verdict and row.stage in (Stage.ENDED, Stage.SETTLED) else "",
        "can_approve": row.stage == Stage.LISTED and row.request.state != RequestState.CLOSED,
        "approval_refusal": approval_refusal(row, by),
        "approval": stated({"listing": row.listing_sha256}) | {"act": "approve"},
        "can_resume": not row.is_over and (row.has_failed or not_passed),
        "can_give_up": not giving_up_obstacle(row),
        "can_settle": row.stage == Stage.ENDED,
        "settlement_refusal": settlement_refusal(row, by),
        "letter": shown,
        "by_act": by_act,
        "confirmation": {"act": by_act, "confirmed": "yes"} | (stated({"letter": shown.text}) if shown else {}),
        "settle": {"act": "settle"},
        "resume": {"act": "resume"},
        "give_up": {"act": "give_up"},
        "problem": problem,
    }
    return render(request, "casework/store_erasure.html", context, status=409 if problem else 200)


def _proposed(erasure_request: ErasureRequest) -> dict[str, str]:
    """Return what the request itself asks for, as the form's first proposal."""
    queries = [query for query, obstacle in request_queries(erasure_request).items() if not obstacle]
    by_kind = {kind: [query.value for query in queries if query.kind == kind] for kind in ("name", "identifier", "exact")}
    return {
        "names": "\n".join(by_kind["name"]),
        "identifiers": "\n".join(by_kind["identifier"]),
        "texts": "\n\n".join(by_kind["exact"]),
    }


def _lines(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.splitlines())))


def _passages(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.replace("\r\n", "\n").split("\n\n"))))
