"""The page on which an officer settles a copy of what held the examples."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.formats.copies import EXEMPTIONS, LONGEST_BEYOND_USE
from compliance.record.errors import StaleStateError
from compliance.ui.forms import HintedRadios, LetheForm
from requests_app.copies_wording import settled_words
from requests_app.models import CopySettlement, ErasureRequest
from requests_app.services.copies_due import DueCopy, copies_due
from requests_app.services.copy_settlements import copy_settle, settlement_letter, settlement_obstacle, settlement_problem
from requests_app.services.letters import Letter
from requests_app.states import Ground, RequestState

from .copy_rows import copy_facts
from .requests import officers_only
from .shared import identity, request_of
from .stated import Parts, as_stated, stated

How = CopySettlement.How
HINTS: dict[str, Any] = {
    How.ERASED: gettext_lazy("It is deleted, or the examples are gone from it. Ask whoever has it to confirm that."),
    How.EXEMPT: gettext_lazy("The law allows or demands that it is kept. The letter names the ground."),
    How.BEYOND_USE: gettext_lazy(
        "It cannot be erased yet, such as a back-up, and nobody uses it. After the last day it waits again."
    ),
}


class SettleForm(LetheForm):
    """What has become of a copy."""

    how = forms.ChoiceField(
        label=gettext_lazy("What has become of it"),
        choices=How.choices,
        widget=HintedRadios(hints=HINTS),
        error_messages={"required": gettext_lazy("Choose what has become of the copy.")},
    )
    ground = forms.ChoiceField(
        label=gettext_lazy("Ground, if it is exempt"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose a ground that exempts the copy.")},
    )
    until = forms.DateField(
        label=gettext_lazy("Last day, if it is beyond use"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Choose the last day.")},
    )

    def __init__(self, *given: Any, due: DueCopy, erasure_request: ErasureRequest, **named: Any) -> None:
        super().__init__(*given, **named)
        self.due, self.erasure_request = due, erasure_request
        grounds = [(ground.value, ground.label) for ground in Ground if ground in EXEMPTIONS[erasure_request.kind]]
        cast("forms.ChoiceField", self.fields["ground"]).choices = [("", _("No ground")), *grounds]

    def said(self) -> dict[str, Any]:
        """Return what the form says; of a ground and a day, the one that belongs to what was chosen."""
        data = self.cleaned_data
        ground = data.get("ground", "") if data["how"] == How.EXEMPT else ""
        return {"how": data["how"], "ground": ground, "until": data.get("until") if data["how"] == How.BEYOND_USE else None}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "how" in data and not self.errors:
            problem = settlement_problem(self.erasure_request, self.due, **self.said())
            if problem:
                self.add_error({How.EXEMPT: "ground", How.BEYOND_USE: "until"}.get(data["how"]), problem)
        return data


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def copy_settlement(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show a copy, and settle it. If that closes the request, the first POST shows the letter, and the second sends it."""
    erasure_request = request_of(reference)
    due = _due(erasure_request, number)
    initial = {"until": timezone.localdate() + timedelta(days=min(30, LONGEST_BEYOND_USE))}
    form = SettleForm(
        request.POST if request.method == "POST" else None, due=due, erasure_request=erasure_request, initial=initial
    )
    if request.method != "POST" or settlement_obstacle(due) or not form.is_valid() or "change" in request.POST:
        return _show(request, erasure_request, due, form, status=422 if form.errors else 200)
    said: dict[str, Any] = form.said() | {"copy": due.copy, "by": account_of(request)}
    try:
        shown = settlement_letter(request=erasure_request, **said)
        if shown and "confirmed" not in request.POST:
            return _show(request, erasure_request, due, form, shown=shown)
        with as_stated(request, erasure_request, lambda: _parts(request_of(reference), said, shown)):
            copy_settle(request=erasure_request, **said)
    except StaleStateError as error:
        erasure_request = request_of(reference)
        return _show(request, erasure_request, _due(erasure_request, number), form, problem=str(error), status=409)
    return redirect("casework:request_detail", erasure_request.reference)


def _due(erasure_request: ErasureRequest, number: int) -> DueCopy:
    found = next((due for due in copies_due(erasure_request) if due.copy.pk == number), None)
    if found is None:
        raise Http404(_("This request does not wait for this copy."))
    return found


def _parts(erasure_request: ErasureRequest, said: dict[str, Any], shown: Letter | None) -> Parts:
    """Return what the page stated: the letter, if there was one."""
    if shown is None:
        return {}
    written = settlement_letter(request=erasure_request, **said)
    return {"letter": written.text if written else ""}


def _show(
    request: HttpRequest,
    erasure_request: ErasureRequest,
    due: DueCopy,
    form: SettleForm,
    *,
    shown: Letter | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    obstacle = settlement_obstacle(due)
    fields = {name: request.POST.get(name, "") for name in ("how", "ground", "until")}
    context = identity(erasure_request) | {
        "copy": due.copy,
        "rows": copy_facts(due),
        "settlements": [
            {"row": row, "words": settled_words(row.how, row.ground, row.until)}
            for row in erasure_request.copy_settlements.filter(copy=due.copy).select_related("settled_by")
        ],
        "form": form,
        "letter": shown,
        "fields": fields | {"confirmed": "yes"} | (stated({"letter": shown.text}) if shown else {}),
        "unconfirmed": fields,
        "obstacle": obstacle,
        "problem": problem,
        "closed": erasure_request.state == RequestState.CLOSED,
    }
    return render(request, "casework/copy.html", context, status=409 if obstacle and request.method == "POST" else status)
