"""Interim suppression: keep a model silent while the request is open, renew that, and take it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from requests_app.models import ErasureRequest, Suppression
from requests_app.services.suppressions import (
    MOST_DAYS,
    KeptBack,
    last_day_problem,
    suppression_end,
    suppression_obstacle,
    suppression_renew,
    suppression_start,
)
from requests_app.suppression_wording import UNCHANGED
from unlearning_jobs.engine.contracts.families import describe_family
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

from .requests import officers_only
from .shared import identity, request_of

LINES = forms.Textarea(attrs={"rows": 3})


class LastDay(LetheForm):
    """Until when."""

    until = forms.DateField(
        label=gettext_lazy("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("It ends by itself after this day, or before that with the release or the request."),
        error_messages={"required": gettext_lazy("Choose the last day."), "invalid": gettext_lazy("Choose the last day.")},
    )

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if problem := last_day_problem(until):
            raise forms.ValidationError(problem)
        return until


class SuppressionForm(LastDay):
    """Which model is to be silent, about what, and by which means."""

    model_name = forms.ChoiceField(
        label=gettext_lazy("Model"), error_messages={"required": gettext_lazy("Choose a model.")}, widget=forms.RadioSelect
    )
    guard = forms.ChoiceField(
        label=gettext_lazy("By which means"),
        choices=Suppression.Guard.choices,
        initial=Suppression.Guard.OUTPUT_FILTER,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "A filter of answers cuts out what is named below, whatever was asked. A filter of questions refuses questions"
            " that name it. An instruction asks the model itself, which may be talked out of it."
        ),
    )
    names = forms.CharField(
        label=gettext_lazy("Names"),
        required=False,
        max_length=10_000,
        help_text=gettext_lazy("One to a line, other names of the same person behind semicolons. Usual forms count, too."),
        widget=LINES,
    )
    phrases = forms.CharField(
        label=gettext_lazy("Phrases"),
        required=False,
        max_length=10_000,
        help_text=gettext_lazy("One to a line. They are found however they are written, word by word."),
        widget=LINES,
    )
    passages = forms.CharField(
        label=gettext_lazy("Passages"),
        required=False,
        max_length=1_000_000,
        help_text=gettext_lazy(
            "At least eight words each, with an empty line between two. Parts of them are found, and copies in which some"
            " words differ."
        ),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    instruction = forms.CharField(
        label=gettext_lazy("Instruction to the model"),
        required=False,
        max_length=2_000,
        help_text=gettext_lazy("Only for an instruction. It stands before everything that the model is asked."),
        widget=LINES,
    )
    field_order = ("model_name", "guard", "names", "phrases", "passages", "instruction", "until")

    def __init__(self, *given: Any, models: list[str], **named: Any) -> None:
        super().__init__(*given, **named)
        cast("forms.ChoiceField", self.fields["model_name"]).choices = [(name, name) for name in models]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("guard") == Suppression.Guard.PROMPT_GUARD:
            if not data.get("instruction"):
                self.add_error("instruction", _("Say what the model is to be told."))
        elif not any(data.get(name) for name in ("names", "phrases", "passages")):
            self.add_error("names", _("Name at least one name, phrase or passage."))
        return data

    def kept_back(self) -> KeptBack:
        """Return what the form says is to be kept back."""
        data = self.cleaned_data
        return KeptBack(
            names=_lines(data["names"]),
            phrases=_lines(data["phrases"]),
            passages=tuple(filter(None, map(str.strip, data["passages"].replace("\r\n", "\n").split("\n\n")))),
            instruction=data["instruction"].strip(),
        )


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def suppression_new(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask which model is to be silent about what and until when, and turn it on."""
    erasure_request = request_of(reference)
    obstacle = suppression_obstacle(erasure_request)
    if not obstacle and not answering_models():
        obstacle = _("No model in use answers with texts, so there is nothing that could be suppressed.")
    form = SuppressionForm(
        request.POST if request.method == "POST" else None, models=answering_models(), initial=_initial(erasure_request)
    )
    if request.method == "POST" and not obstacle and form.is_valid():
        data = form.cleaned_data
        try:
            row = suppression_start(
                request=erasure_request,
                model_name=data["model_name"],
                guard=data["guard"],
                kept_back=form.kept_back(),
                until=data["until"],
                by=account_of(request),
            )
        except StaleStateError as error:
            form.add_error(None, str(error))
        else:
            return redirect("casework:suppression", erasure_request.reference, row.number)
    context = identity(erasure_request) | {"form": form, "obstacle": obstacle, "unchanged": UNCHANGED}
    status = 409 if obstacle and request.method == "POST" else 422 if form.errors else 200
    return render(request, "casework/suppression_new.html", context, status=status)


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def suppression_detail(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show a suppression; a POST renews it, or takes it back."""
    erasure_request = request_of(reference)
    row = get_object_or_404(erasure_request.suppressions.select_related("started_by"), number=number)
    ends = "end" in request.POST
    form = LastDay(request.POST if request.method == "POST" and not ends else None, initial={"until": _a_month_on(row)})
    problem = ""
    if request.method == "POST" and (ends or form.is_valid()):
        try:
            if ends:
                suppression_end(suppression=row, by=account_of(request))
            else:
                suppression_renew(suppression=row, until=form.cleaned_data["until"], by=account_of(request))
        except StaleStateError as error:
            problem = str(error)
        else:
            return redirect("casework:suppression", erasure_request.reference, row.number)
    context = identity(erasure_request) | {"row": row, "form": form, "problem": problem, "unchanged": UNCHANGED}
    context["can_renew"] = row.ended_at is None and not suppression_obstacle(erasure_request)
    return render(request, "casework/suppression.html", context, status=409 if problem else 422 if form.errors else 200)


def answering_models() -> list[str]:
    """Return the names of the models in use that answer with texts: gateways stand in front of these alone."""
    versions = ModelVersion.objects.filter(state=ModelState.ACTIVE).select_related("recipe").order_by("name")
    return [one.name for one in versions if describe_family(one.recipe.family).answers == "text"]


def _initial(erasure_request: ErasureRequest) -> dict[str, object]:
    """Return what the claimant asked for, as the form's first proposal."""
    if erasure_request.kind == ErasureRequest.Kind.COPYRIGHT:
        about = {"phrases": erasure_request.work_title, "passages": erasure_request.work_text}
    else:
        about = {"names": erasure_request.name, "phrases": erasure_request.other_names}
    models = answering_models()
    latest = timezone.localdate() + timedelta(days=MOST_DAYS)
    earliest = timezone.localdate() + timedelta(days=1)
    only = {"model_name": models[0]} if len(models) == 1 else {}
    return about | only | {"until": min(max(erasure_request.due_on, earliest), latest)}


def _a_month_on(row: Suppression) -> object:
    return min(row.until + timedelta(days=30), timezone.localdate() + timedelta(days=MOST_DAYS))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.splitlines())))
