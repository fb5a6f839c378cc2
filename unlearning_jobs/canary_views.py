"""The page of draws of canaries: of each model, whether its draw is sealed, and what it said when it was opened."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act

from .models import CanaryDraw
from .states import JobState

READERS = act_required(Act.READ_JOBS)
OUTCOMES = {
    "left_over": (gettext_lazy("Left over"), "danger"),
    "overshot": (gettext_lazy("Overshot"), "danger"),
    "nothing_found": (gettext_lazy("Nothing found"), "neutral"),
    "says_nothing": (gettext_lazy("Says nothing"), "warning"),
}
"""What an opened draw says, and its tone. None is the tone of success: canaries are not the data of anybody who asked."""
SENTENCES = {
    "left_over": gettext_lazy("Something of the canaries that were erased is still in the model, or not all were erased."),
    "overshot": gettext_lazy("The canaries that were erased are known less than those that the model never saw."),
    "nothing_found": gettext_lazy("The canaries that were erased cannot be told from those that the model never saw."),
    "says_nothing": gettext_lazy("These canaries could not have shown whether anything is left."),
}


@READERS
@require_safe
def canary_list(request: HttpRequest) -> HttpResponse:
    """Show every draw, newest first. Of a sealed one, nothing says which examples are canaries."""
    draws = CanaryDraw.objects.select_related("job__result_version", "opened_for", "snapshot__corpus").defer("ids", "secret")
    return render(request, "jobs/canary_list.html", {"draws": [_row(draw) for draw in draws]})


def _row(draw: CanaryDraw) -> dict[str, Any]:
    found = draw.judgement
    label, tone = OUTCOMES[found["outcome"]] if found else (_("Sealed"), "neutral")
    return {
        "draw": draw,
        "label": label,
        "tone": tone,
        "sentences": _opened(draw) if found else [_sealed(draw)],
        "facts": [
            {"key": _("Drawn"), "value": date_format(timezone.localtime(draw.drawn_at), "SHORT_DATETIME_FORMAT")},
            {"key": _("Corpus"), "value": str(draw.snapshot)},
            {"key": _("Commitment"), "value": draw.commitment},
        ],
    }


def _sealed(draw: CanaryDraw) -> str:
    job = draw.job
    if job and job.result_version:
        return _("%(model)s was trained by it.") % {"model": job.result_version}
    if job and job.state in (JobState.QUEUED, JobState.RUNNING):
        return _("The model is being trained by it.")
    return _("The training did not make a model.")


def _opened(draw: CanaryDraw) -> list[str]:
    found = draw.judgement
    sentences = [
        str(SENTENCES[found["outcome"]]),
        _("%(model)s was judged on %(day)s.")
        % {"model": draw.opened_for, "day": date_format(timezone.localtime(draw.opened_at), "DATE_FORMAT")},
        ngettext(
            "Of %(all)d canary that the model learned, %(missed)d was not erased.",
            "Of %(all)d canaries that the model learned, %(missed)d were not erased.",
            found["trained"],
        )
        % {"all": found["trained"], "missed": found["missed"]},
    ]
    if found.get("p_value") is not None:
        sentences.append(
            _("An erased canary is known better than one that was never seen in %(share)s %% of pairs (p = %(p)s).")
            % {"share": number_format(100 * found["above"], 0), "p": number_format(found["p_value"], 4)}
        )
    if found.get("smallest") is not None and (found.get("control") or 0) > 0:
        share = number_format(100 * found["smallest"] / found["control"], 0)
        sentences.append(
            _("A remainder below %(share)s %% of what the original shows could have been missed.") % {"share": share}
        )
    return sentences
