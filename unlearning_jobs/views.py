"""Pages of jobs and model versions. They show example ids and digests; no person is named here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from django import forms
from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from compliance.accounts.access import account_of, act_required
from compliance.accounts.roles import Act
from compliance.formats.verdicts import Outcome
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from compliance.ui.lists import address, applied_filters, csv_response, page_of

from .models import Job, JobRun, ModelVersion
from .origins import is_from_elsewhere, origin_sentences, stage_sentences
from .selectors import draw_of_job, known_erased, never_learned
from .services import destruction, jobs
from .states import MODEL_TRANSITIONS, JobState, ModelState
from .wording import CURVES, ERRORS, JOB_TONES, MODEL_TONES, RUN_OUTCOMES, VERDICTS, duration, method_title, stage_title

READERS = act_required(Act.READ_JOBS)
PAGE_METHODS = ["GET", "HEAD", "POST"]
KINDS = {
    Job.Kind.TRAIN: pgettext_lazy("job", "Training"),
    Job.Kind.UNLEARN: pgettext_lazy("job", "Unlearning"),
    Job.Kind.IMPORT: pgettext_lazy("job", "Import"),
}
CSV_COLUMNS = (
    *("job", "kind", "subject", "item", "model", "method"),
    *("state", "verdict", "runs", "created_at", "finished_at"),
)
ENGINE_PERCENT = 100
"""The engine counts each part of a stage, such as one model of an ensemble, as a hundred."""


class JobFilters(LetheForm):
    """The filters of the job list."""

    state = forms.ChoiceField(
        label=gettext_lazy("State"), required=False, choices=[("", gettext_lazy("Any")), *JobState.choices]
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False, choices=[("", gettext_lazy("Any")), *KINDS.items()])
    verdict = forms.ChoiceField(
        label=gettext_lazy("Verdict"),
        required=False,
        choices=[
            ("", gettext_lazy("Any")),
            *((code, VERDICTS[code].label) for code in get_args(Outcome)),
        ],
    )
    subject = forms.CharField(label=gettext_lazy("Subject"), required=False, max_length=80)


@READERS
@require_safe
def job_list(request: HttpRequest) -> HttpResponseBase:
    """Show every job, newest first."""
    form = JobFilters(request.GET)
    rows = _filtered(form)
    if request.GET.get("format") == "csv":
        return csv_response("jobs", CSV_COLUMNS, _csv_rows(rows))
    page = page_of(request, rows)
    context = {
        "filter_form": form,
        "page_has_errors": bool(form.errors),
        "applied": applied_filters(request, form),
        "page": page,
        "columns": [_("Job"), _("Kind"), _("Subject"), _("Model"), _("Method"), _("State"), _("Verdict"), _("Created")],
        "rows": [_row(job) for job in page],
        "csv_url": address(request, format="csv"),
    }
    return render(request, "jobs/job_list.html", context)


def _filtered(form: JobFilters) -> QuerySet[Job]:
    # Specs and curves are large, and the list shows neither; the database takes the method's name out of the spec.
    rows = Job.objects.defer("spec", "curves").annotate(method=KT("spec__method__name"))
    if not form.is_valid():
        return rows.none()
    filters = {name: value for name, value in form.cleaned_data.items() if value}
    if subject := filters.pop("subject", "").strip():
        rows = rows.filter(subject__icontains=subject)
    return rows.filter(**filters)


def _row(job: Job) -> list[object]:
    method: str | None = job.method  # type: ignore[attr-defined]  # annotated above
    verdict = VERDICTS.get(job.verdict)
    return [
        {"text": str(job.pk), "url": reverse("jobs:job", args=[job.pk])},
        KINDS[Job.Kind(job.kind)],
        f"{job.subject} {job.item}".strip(),
        job.model_name,
        method_title(method) if method else "–",
        {"tag_label": job.get_state_display(), "tag_tone": JOB_TONES[JobState(job.state)]},
        {"tag_label": verdict.label, "tag_tone": verdict.tone} if verdict else "–",
        date_format(timezone.localtime(job.created_at), "SHORT_DATETIME_FORMAT"),
    ]


def _csv_rows(rows: QuerySet[Job]) -> Iterator[tuple[object, ...]]:
    for job in rows.iterator(chunk_size=500):
        method = job.method  # type: ignore[attr-defined]  # annotated above
        about = (job.pk, job.kind, job.subject, job.item, job.model_name, method, job.state, job.verdict)
        yield (*about, job.runs, job.created_at, job.finished_at)


@READERS
@never_cache
@require_safe
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one job: its progress, curves and runs, and how it ended. Without JavaScript, a reload brings it up to date."""
    return _show(request, get_object_or_404(_jobs(), pk=pk))


def _jobs() -> QuerySet[Job]:
    related = ("base", "snapshot__corpus", "recipe__checkpoint", "result_version")
    return Job.objects.select_related(*related).defer("recipe__body")


def _show(request: HttpRequest, row: Job, problem: str = "") -> HttpResponse:
    never = len(never_learned(row.snapshot, row.spec.get("exclude_ids", ()))) if draw_of_job(row) else 0
    context = live_parts(row) | {
        "kind": KINDS[Job.Kind(row.kind)],
        "method": method_title(row.method_name) if row.method_name else "",
        "reference": row.subject.removeprefix("request:") if row.subject.startswith("request:") else "",
        "is_unlearning": row.kind == Job.Kind.UNLEARN,
        "is_import": row.kind == Job.Kind.IMPORT,
        "forget_count": len(row.spec.get("forget_ids", ())),
        "left_out": len(row.spec.get("exclude_ids", ())) + len(row.spec.get("erased_ids", ())) - never,
        "never_learned": never,
        "problem": problem,
    }
    return render(request, "jobs/job.html", context, status=409 if problem else 200)


@READERS
@never_cache
@require_safe
def job_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the page's poll with the part that changes. When the job has ended, have the whole page loaded once more."""
    row = get_object_or_404(_jobs(), pk=pk)
    response = render(request, "jobs/_live.html", live_parts(row))
    if row.is_final:
        response["HX-Refresh"] = "true"
    return response


def live_parts(row: Job) -> dict[str, Any]:
    """Return the context of `_live.html`: what changes while a job runs."""
    verdict = VERDICTS.get(row.verdict)
    margins = {name: row.curves.get(name, []) for name in ("forget", "retain")}
    return {
        "job": row,
        "state_tone": JOB_TONES[JobState(row.state)],
        "verdict": verdict,
        "stage": stage_title(row.stage),
        "percent": round(100 * row.done / row.total) if row.total else 0,
        "numbers": _numbers(row),
        "loss": {str(CURVES["loss"]): row.curves["loss"]} if row.curves.get("loss") else {},
        "margins": {str(CURVES[name]): points for name, points in margins.items() if points},
        "runs": [_run(run) for run in row.run_rows.all()],
        "advice": ERRORS.get(row.error_code, ""),
        "poll_url": "" if row.is_final else reverse("jobs:job_progress", args=[row.pk]),
    }


def _numbers(row: Job) -> str:
    """Say how far the stage is and how long the job has run."""
    words = []
    parts = round(row.total / ENGINE_PERCENT)
    if row.state == JobState.RUNNING and parts > 1:
        words.append(_("%(done)d of %(all)d models") % {"done": row.done // ENGINE_PERCENT, "all": parts})
    elif row.state == JobState.RUNNING and row.total:
        words.append(_("%(percent)d %%") % {"percent": round(100 * row.done / row.total)})
    if row.started_at:
        seconds = ((row.finished_at or timezone.now()) - row.started_at).total_seconds()
        sentence = _("ran for %(time)s") if row.finished_at else _("running for %(time)s")
        words.append(sentence % {"time": duration(seconds)})
    return " · ".join(words)


def _run(run: JobRun) -> dict[str, Any]:
    word, tone = RUN_OUTCOMES[run.outcome]
    return {"row": run, "word": word, "tone": tone}


@READERS
@require_safe
def job_curves_csv(_request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send every point of every curve."""
    row = get_object_or_404(Job, pk=pk)
    points = ((name, x, y) for name, curve in row.curves.items() for x, y in curve)
    return csv_response(f"job-{row.pk}-curves", ("curve", "step", "value"), points)


@READERS
@require_http_methods(PAGE_METHODS)
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for confirmation, and cancel the job."""
    row = get_object_or_404(_jobs(), pk=pk)
    if request.method == "POST":
        try:
            jobs.job_cancel(job_id=row.pk, actor=account_of(request).opaque)
        except StaleStateError as error:
            return _show(request, get_object_or_404(_jobs(), pk=pk), str(error))
        return redirect("jobs:job", row.pk)
    return render(request, "jobs/job_cancel.html", {"job": row})


@READERS
@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    """Show every model with its versions: their states and origins, and the jobs on them."""
    versions = (
        ModelVersion.objects.select_related("snapshot__corpus", "parent", "made_by", "recipe__checkpoint")
        .prefetch_related("snapshot__erased_examples")
        .annotate(jobs_running=Count("jobs", filter=Q(jobs__state__in=[JobState.QUEUED, JobState.RUNNING])))
        .order_by("name", "-number")
    )
    context = {
        "models": [
            {
                "version": version,
                "tone": MODEL_TONES[ModelState(version.state)],
                "known_erased": len(known_erased(version)) if version.path else 0,
                "without": len(set(version.left_out) - never_learned(version.snapshot, version.left_out)),
                "origin": origin_sentences(version),
                "stages": " ".join(stage_sentences(version)),
                "is_declared": is_from_elsewhere(version),
                "can_destroy": _can_destroy(version),
            }
            for version in versions
        ],
        "is_engineer": account_of(request).may(Act.MANAGE_MODELS),
    }
    return render(request, "jobs/model_list.html", context)


def _can_destroy(version: ModelVersion) -> bool:
    return ModelState.DESTROYING in MODEL_TRANSITIONS[ModelState(version.state)]


@act_required(Act.MANAGE_MODELS)
@require_http_methods(PAGE_METHODS)
def model_destroy(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for confirmation, and order that a version be destroyed."""
    version = get_object_or_404(ModelVersion.objects.select_related("made_by"), pk=pk)
    problem = ""
    if request.method == "POST":
        try:
            destruction.model_version_destroy(version=version, by=account_of(request))
        except StaleStateError as error:
            problem = str(error)
        else:
            return redirect("jobs:model_list")
    context = {"version": version, "can_destroy": _can_destroy(version), "problem": problem}
    return render(request, "jobs/model_destroy.html", context, status=409 if problem else 200)
