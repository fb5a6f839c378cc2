"""The page that shows every component in every state, and the view that sets the colour scheme."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from compliance.ui.charts.intervals import IntervalRow
from compliance.ui.templatetags.components import THEME_COOKIE, THEMES

from .forms import HintedRadios, LetheForm

ONE_YEAR = 365 * 24 * 3600


@login_not_required
@require_POST
def theme_set(request: HttpRequest) -> HttpResponse:
    """Store the chosen colour scheme in a cookie and return to the page."""
    scheme = request.POST.get("theme", "")
    if scheme not in THEMES:
        raise BadRequest
    # Redirect only within this site, so that nobody can use this view to send people elsewhere.
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    response.set_cookie(THEME_COOKIE, scheme, max_age=ONE_YEAR, httponly=True, samesite="Lax", secure=request.is_secure())
    return response


class SampleForm(LetheForm):
    """A form with one field of each kind."""

    name = forms.CharField(label=gettext_lazy("Full name"), help_text=gettext_lazy("As it appears in documents."))
    note = forms.CharField(label=gettext_lazy("Note"), widget=forms.Textarea, required=False)
    country = forms.ChoiceField(
        label=gettext_lazy("Country"), choices=[("de", gettext_lazy("Germany")), ("fr", gettext_lazy("France"))]
    )
    day = forms.DateField(label=gettext_lazy("Day of receipt"))
    document = forms.FileField(label=gettext_lazy("Document"), widget=forms.FileInput, required=False)
    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[("grant", gettext_lazy("Grant")), ("refuse", gettext_lazy("Refuse"))],
        widget=HintedRadios(hints={"refuse": gettext_lazy("State a ground and the reasons.")}),
        help_text=gettext_lazy("For this item only."),
    )
    stores = forms.MultipleChoiceField(
        label=gettext_lazy("Where to search"),
        choices=[("corpus", gettext_lazy("Training corpora")), ("index", gettext_lazy("Retrieval indexes"))],
        widget=forms.CheckboxSelectMultiple,
    )
    agreed = forms.BooleanField(label=gettext_lazy("I have read the matches"))


@login_not_required
@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """Show every component with sample content. The accessibility checks start here."""
    return render(request, "components_page.html", _samples() | _chart_samples())


def _samples() -> dict[str, Any]:
    moment = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
    return {
        "plain_form": SampleForm(prefix="plain"),
        "wrong_form": SampleForm({"wrong-name": "", "wrong-day": "2026-02-30"}, prefix="wrong"),
        "filter_form": FilterForm(prefix="filter"),
        "applied": [{"label": _("State: in progress"), "url": "?"}],
        "page": Paginator(range(95), 10).page(3),
        "summary": [
            {
                "key": _("Full name"),
                "value": "Ada Beispiel",
                "typed": True,
                "change_url": "?",
                "change_label": _("full name"),
            },
            {"key": _("Other names"), "lines": ["ada_b", "A. Beispiel"], "change_url": "?"},
            {"key": _("What the model said"), "value": "…", "full": "Ada lives\nin Bonn.", "typed": True, "change_url": "?"},
            {"key": _("State"), "tag_label": _("in progress"), "tag_tone": "info"},
            {"key": _("Contact"), "value": ""},
        ],
        "tags": [
            ("neutral", _("waiting")),
            ("info", _("in progress")),
            ("success", _("passed")),
            ("warning", _("inconclusive")),
            ("danger", _("failed")),
        ],
        "events": [
            {"title": _("Matches accepted"), "at": moment, "by": "Omar", "text": _("3 of 4 candidates.")},
            {
                "title": _("Request received"),
                "at": moment,
                "by": _("the system"),
                "url": "?",
                "url_label": _("Open the request"),
            },
        ],
        "steps": [
            {"title": _("Received"), "state": "done", "on": date(2026, 3, 5)},
            {"title": _("Search of the training data"), "state": "current"},
            {"title": _("Decision"), "state": "todo"},
        ],
        "tasks": [
            {"title": _("Review the matches"), "url": "?", "label": _("done"), "tone": "success"},
            {"title": _("Decide each item"), "url": "?", "label": _("to do"), "tone": "info", "hint": _("2 of 3 decided")},
            {"title": _("Choose a method"), "label": _("cannot start yet"), "tone": "neutral"},
        ],
        "columns": [
            {"label": _("Reference"), "sort_url": "?sort=reference", "sort": "ascending"},
            {"label": _("State")},
            {"label": _("Matches"), "numeric": True, "sort_url": "?sort=matches", "sort": "none"},
        ],
        "rows": [
            [
                {"text": "LE-7KQ4-M2XD", "url": "?"},
                {"tag_label": _("in progress"), "tag_tone": "info"},
                {"text": "12", "numeric": True},
            ],
            [
                {"text": "LE-9PLM-33TA", "url": "?"},
                {"tag_label": _("failed"), "tag_tone": "danger"},
                {"text": "3", "numeric": True},
            ],
        ],
    }


class FilterForm(LetheForm):
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("Any")), ("open", gettext_lazy("open")), ("closed", gettext_lazy("closed"))],
    )
    assigned_to_me = forms.BooleanField(label=gettext_lazy("Assigned to me"), required=False)


def _chart_samples() -> dict[str, Any]:
    oracle = [0.31, 0.35, 0.36, 0.38, 0.41, 0.42, 0.44, 0.52]
    return {
        "oracle": oracle,
        "unlearned": [value + 0.03 for value in oracle[:5]],
        "original": [value + 0.9 for value in oracle[:5]],
        "curves": {
            _("Loss"): [(step, 3.2 / (1 + step / 30)) for step in range(0, 201, 5)],
            _("Forget set"): [(step, 2.4 / (1 + step / 60)) for step in range(0, 201, 5)],
            _("Retain set"): [(step, 2.5 - step / 4000) for step in range(0, 201, 5)],
        },
        "intervals": [
            IntervalRow(_("Forget set, location"), 0.06, -0.04, 0.16, 0.25, "within"),
            IntervalRow(_("Forget set, deviation"), 0.3, 0.2, 0.41, 0.35, "undecided", one_sided=True),
            IntervalRow(_("Retain set, location"), -0.61, -0.72, -0.5, 0.1, "below"),
        ],
    }
