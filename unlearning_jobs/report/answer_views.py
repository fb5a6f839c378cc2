"""The page that shows what three models answer, side by side. Only officers open it: examples are about people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act
from compliance.formats.results import ANSWERS
from compliance.ui.forms import LetheForm
from compliance.ui.lists import csv_response, filter_context, page_of
from unlearning_jobs.engine.contracts import JobResult, Protocol
from unlearning_jobs.engine.contracts.families import describe_family
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import Job
from unlearning_jobs.origins import origin_sentences
from unlearning_jobs.selectors import answers_destroyed, examples_by_id
from unlearning_jobs.wording import set_title

from .answers import Answered, AnswersGoneError, answer_rows, answers_of, compared
from .data import GROUPS, SETS, ChangedResultError, job_result
from .views import job_of

PAGE_SIZE = 10
HEADER = ("set", "example_id", "asked", "right_answer", "original", "unlearned", "oracle")
SAID = {
    "original": gettext_lazy("The original said"),
    "unlearned": gettext_lazy("The unlearned model says"),
    "oracle": gettext_lazy("The oracle says"),
}
READERS = act_required(Act.HANDLE_REQUESTS)


class AnswerFilters(LetheForm):
    """The filter of the answers."""

    set = forms.ChoiceField(
        label=gettext_lazy("Examples"),
        required=False,
        choices=lambda: [("", _("Any")), *((name, set_title(name)) for name in SETS)],
    )


@READERS
@never_cache
@require_safe
def answers(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what was asked, what is right, and what the original, the unlearned model and an oracle answer."""
    job = job_of(pk)
    about: dict[str, Any] = {"job": job, "reference": job.subject.removeprefix("request:")}
    try:
        result = job_result(job)
    except ChangedResultError:
        return render(request, "jobs/report_missing.html", about | {"changed": True}, status=409)
    if result is None:
        return render(request, "jobs/report_missing.html", about, status=404)
    if reason := _none(job, result):
        return render(request, "jobs/answers.html", about | {"none": reason})
    try:
        everything = answers_of(job, result.files)
        form = AnswerFilters(request.GET)
        page = page_of(request, _filtered(everything, form), PAGE_SIZE)
        examples = examples_by_id(job.snapshot, [one.example_id for one in page])
    except (AnswersGoneError, CorpusError) as error:
        return render(request, "jobs/answers.html", about | {"problem": _problem(error)}, status=409)
    context = about | filter_context(request, form) | {"page": page, "cards": list(_cards(page, examples))}
    context["origins"] = origin_sentences(job.base) if job.base else []
    return render(request, "jobs/answers.html", context | _sizes(job, everything))


@READERS
@never_cache
@require_safe
def answers_csv(_request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send all answers."""
    job = job_of(pk)
    try:
        result = job_result(job)
        if result is None or _none(job, result):
            raise Http404
        answered = answers_of(job, result.files)
        examples = examples_by_id(job.snapshot, [one.example_id for one in answered])
    except (ChangedResultError, AnswersGoneError, CorpusError):
        raise Http404 from None
    return csv_response(f"job-{pk}-answers", HEADER, answer_rows(answered, examples))


def _none(job: Job, result: JobResult) -> str:
    """Say why there are no answers to show, where nothing is wrong; empty if there should be some."""
    if ANSWERS in result.files:
        sentence = _("They were deleted with %(model)s, which gave some of them: what it knew may stand in them.")
        destroyed = answers_destroyed(job)
        return sentence % {"model": destroyed[0]} if destroyed else ""
    if describe_family(job.recipe.family).answers == "class":
        return _("The model answers with classes and not in texts.")
    return _("This job ran before answers were kept. Jobs that run from now on keep them.")


def _problem(error: Exception) -> str:
    if isinstance(error, CorpusError):
        return _(
            "The corpus of this job cannot be read, so what was asked and what is right cannot be shown. Ask an engineer to"
            " restore it."
        )
    return _(
        "The file with the answers is gone, or is not the one that the result names, so nothing of it is shown. Ask an"
        " engineer to restore it from a backup."
    )


def _filtered(everything: Sequence[Answered], form: AnswerFilters) -> list[Answered]:
    if not form.is_valid():
        return []
    name = form.cleaned_data["set"]
    return [one for one in everything if name in ("", one.name)]


def _cards(page: Sequence[Answered], examples: Mapping[str, Example]) -> Iterator[dict[str, Any]]:
    last = ""
    for one in page:
        example = examples[one.example_id]
        right = one.right(example)
        yield {
            "id": one.example_id,
            "heading": set_title(one.name) if one.name != last else "",
            "asked": one.asked(example),
            "goes_on": not example.prompt,
            "right": right,
            "said": [
                {"group": group, "title": SAID[group], "compared": compared(one.answers[group], right)}
                for group in GROUPS
                if group in one.answers
            ],
        }
        last = one.name


def _sizes(job: Job, everything: Sequence[Answered]) -> dict[str, Any]:
    """Return how many of the examples to be forgotten the answers are about, and which oracle answered."""
    protocol = Protocol.from_json(job.spec["protocol"])
    return {
        "shown_forget": sum(one.name == "forget" for one in everything),
        "all_forget": len(job.spec["forget_ids"]),
        "own_oracle": protocol.paired,
        "has_oracles": protocol.has_oracles,
    }
