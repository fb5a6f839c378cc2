"""Take longer for an answer: choose how long and say why, read the letter, confirm."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from requests_app.models import ErasureRequest
from requests_app.services.extensions import MONTHS, deadline_extend, extension_draft, extension_obstacle
from requests_app.services.letters import Letter, letter
from requests_app.services.mail_reasons import DEADLINE_EXTENDED
from requests_app.services.reasons import reasons_problem

from .requests import officers_only
from .shared import identity, request_of
from .stated import Parts, as_stated, stated


class ExtensionForm(LetheForm):
    """How long, and why."""

    months = forms.TypedChoiceField(
        label=gettext_lazy("Further time"),
        coerce=int,
        choices=[(n, ngettext_lazy("%(n)d month", "%(n)d months", n) % {"n": n}) for n in MONTHS],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one or two further months.")},
    )
    reasons = forms.CharField(
        label=gettext_lazy("Reasons for the claimant"),
        max_length=10_000,
        help_text=gettext_lazy(
            "Art. 12(3) GDPR allows this where it is necessary because requests are complex or many. Say what that means"
            " here."
        ),
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": gettext_lazy("Give the claimant your reasons.")},
    )

    def clean_reasons(self) -> str:
        reasons: str = self.cleaned_data["reasons"]
        if problem := reasons_problem(reasons):
            raise forms.ValidationError(problem)
        return reasons


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def extend(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask how long and why; the first POST shows the letter, the second sends it."""
    erasure_request = request_of(reference)
    form = ExtensionForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid() or "change" in request.POST:
        return _show(request, erasure_request, form, status=422 if form.errors else 200)
    said: dict[str, Any] = form.cleaned_data | {"by": account_of(request)}
    if "confirmed" not in request.POST:
        return _show(request, erasure_request, form, shown=_letter(erasure_request, said))
    try:
        with as_stated(request, erasure_request, lambda: _parts(request_of(reference), said)):
            deadline_extend(request=erasure_request, **said)
    except StaleStateError as error:
        erasure_request = request_of(reference)
        shown = _letter(erasure_request, said)
        return _show(request, erasure_request, form, shown=shown, problem=str(error), status=409)
    return redirect("casework:request_detail", erasure_request.reference)


def _letter(erasure_request: ErasureRequest, said: dict[str, Any]) -> Letter:
    return letter(extension_draft(request=erasure_request, **said), DEADLINE_EXTENDED)


def _parts(erasure_request: ErasureRequest, said: dict[str, Any]) -> Parts:
    return {"letter": _letter(erasure_request, said).text}


def _show(
    request: HttpRequest,
    erasure_request: ErasureRequest,
    form: ExtensionForm,
    *,
    shown: Letter | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    obstacle = extension_obstacle(erasure_request)
    fields = {"months": request.POST.get("months", ""), "reasons": request.POST.get("reasons", "")}
    context = identity(erasure_request) | {
        "form": form,
        "letter": shown,
        "fields": fields | {"confirmed": "yes"} | (stated({"letter": shown.text}) if shown else {}),
        "unconfirmed": fields,
        "obstacle": obstacle,
        "problem": problem,
    }
    return render(request, "casework/extend.html", context, status=409 if obstacle and request.method == "POST" else status)
