"""The report of an unlearning job: the verdict, what it rests on, and what it does not show."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act
from compliance.formats.results import ANSWERS
from compliance.record.models import Attestation
from compliance.record.selectors import attestation_read, signed_report, signing_refused
from compliance.ui.lists import csv_response
from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.contracts import Evaluation, JobResult, MetricFinding, Protocol, SetFinding
from unlearning_jobs.models import Job
from unlearning_jobs.origins import guarantee_for, origin_sentences
from unlearning_jobs.states import JobState
from unlearning_jobs.wording import (
    CONTROLS,
    DIRECTIONS,
    VERDICTS,
    duration,
    guarantee_name,
    guarantee_of,
    in_order,
    method_title,
    metric_title,
    set_title,
    stage_title,
)

from .attacks import attack_of, attacks_shown, oracles_under_attack
from .data import GROUPS, ChangedResultError, SetMargins, job_result, margins_of
from .judged import influence_sentence, precision_sentence, process_shown, scopes_shown
from .summaries import compared_sentence, efficiency_shown, examples_sentence
from .tables import attack_table, duplicate_table, estimand_table, example_table, margin_table, metric_table, value_range
from .trajectory import trajectory_shown, trajectory_table
from .twins import twins_shown
from .verdicts import verdict_sentence

TABLES = {
    "estimands": estimand_table,
    "metrics": metric_table,
    "attacks": attack_table,
    "examples": example_table,
    "trajectory": trajectory_table,
    "duplicates": duplicate_table,
}
READERS = act_required(Act.READ_REPORTS)


@READERS
@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the report of one attempt: everything that its job measured."""
    job = job_of(pk)
    about: dict[str, Any] = {"job": job, "reference": job.subject.removeprefix("request:")}
    try:
        result = job_result(job)
    except ChangedResultError:
        return render(request, "jobs/report_missing.html", about | {"changed": True}, status=409)
    if result is None or result.evaluation is None:
        return render(request, "jobs/report_missing.html", about, status=404)
    evaluation = result.evaluation
    verdict = evaluation.verdict
    signed = signed_report(subject=job.subject, item=job.item, attempt=job.attempt)
    context = about | {
        "verdict": VERDICTS[verdict.outcome],
        "sentence": verdict_sentence(evaluation, guarantee_name(job.method_name)),
        "direction": DIRECTIONS.get(verdict.direction or "", ""),
        "reasons": [reason.sentence for reason in verdict.reasons],
        "method": method_title(job.method_name),
        "origins": origin_sentences(job.base) if job.base else [],
        "signed": signed,
        "refused": not signed and signing_refused(job.subject),
        "limits": _limits(evaluation, signed),
        "evaluation": evaluation,
        "scopes": scopes_shown(evaluation),
        "twins": twins_shown(evaluation.twins),
        "process": process_shown(evaluation),
        "influence": influence_sentence(evaluation.influence),
        "precision": precision_sentence(evaluation.precision),
        "duplicates": [(d.forget_id, d.retain_id, number(d.likeness)) for d in evaluation.duplicates],
        "distributions": [_distribution(job, name, margins) for name, margins in margins_of(job, result.files).items()],
        "controls": [{"control": control, "words": CONTROLS[control.name]} for control in evaluation.controls],
        "metrics": [_metric(finding) for finding in evaluation.metrics if not attack_of(finding)],
        "sets": [_set(finding) for finding in evaluation.sets if finding.examples != "forget"],
        "examples": examples_sentence(evaluation.examples),
        "trajectory": trajectory_shown(result.trajectory),
        "efficiency": efficiency_shown(result.efficiency),
        "certificate": result.certificate,
        "seconds": [(stage_title(stage), duration(result.seconds[stage])) for stage in in_order(result.seconds)],
        "total_seconds": duration(sum(result.seconds.values())),
        "has_answers": ANSWERS in result.files,
        "retraining": duration(job.base.training_seconds) if job.base and job.base.training_seconds else "",
        **_inputs(job, result),
    }
    context["guarantee"] = (
        guarantee_for(job.method_name, job.base, context["protocol"], evaluation)
        if job.base
        else guarantee_of(job.method_name)
    )
    context["attacks"] = attacks_shown(context["protocol"], evaluation)
    context["oracles_under_attack"] = oracles_under_attack(job.base)
    context["compared"] = compared_sentence(context["protocol"], evaluation)
    return render(request, "jobs/report.html", context)


def job_of(pk: int) -> Job:
    """Return a completed unlearning job (Http404 if there is none)."""
    related = ("base__recipe__checkpoint", "snapshot__corpus", "recipe", "result_version")
    completed = Job.objects.filter(kind=Job.Kind.UNLEARN, state=JobState.COMPLETED)
    return get_object_or_404(completed.select_related(*related).defer("curves"), pk=pk)


@READERS
@require_safe
def report_of(_request: HttpRequest, reference: str, item: str, attempt: int) -> HttpResponse:
    """Redirect to the report that a signed statement names by request, item and attempt."""
    completed = Job.objects.filter(subject=f"request:{reference}", item=item, attempt=attempt, state=JobState.COMPLETED)
    return redirect("jobs:report", get_object_or_404(completed.only("pk")).pk)


def _limits(evaluation: Evaluation, signed: Attestation | None) -> tuple[str, ...]:
    """Return what the report does not show: the signed statement's list once there is one, or else the evaluation's."""
    report = attestation_read(signed).report if signed else None
    return report.does_not_show if report else evaluation.limits


def _distribution(job: Job, name: str, margins: SetMargins) -> dict[str, Any]:
    """Return two charts of one set: its examples, and the models."""
    csv_url = reverse("jobs:report_csv", args=[job.pk, f"margins-{name}"])
    models = {group: margins.model_means(group) for group in GROUPS}
    return {
        "name": name,
        "title": set_title(name),
        "examples": {group: margins.example_means(group) for group in GROUPS},
        "models": models,
        "examples_caption": _caption(name, models),
        "csv_url": csv_url,
    }


def _caption(name: str, models: dict[str, list[float]]) -> str:
    """Say what to take away: where the unlearned models lie between the other two groups."""
    means = {group: sum(values) / len(values) for group, values in models.items() if values}
    if len(means) < len(GROUPS):
        return _("%(set)s: margins of every example.") % {"set": set_title(name)}
    return _(
        "%(set)s: the mean margin is %(unlearned).2f after unlearning, %(oracle).2f for the oracles, and %(original).2f"
        " for the original models."
    ) % {"set": set_title(name), **means}


def _metric(metric: MetricFinding) -> dict[str, Any]:
    return {
        "title": metric_title(metric.name),
        "set": set_title(metric.examples),
        "unlearned": metric.unlearned,
        "original": metric.original,
        "oracles": value_range(metric.oracles),
        "note": metric.note,
        "low": metric.low,
        "high": metric.high,
    }


def _set(finding: SetFinding) -> dict[str, Any]:
    return {"title": set_title(finding.examples), "permutation": finding.permutation, "p_adjusted": finding.p_adjusted}


def _inputs(job: Job, result: JobResult) -> dict[str, Any]:
    protocol = Protocol.from_json(job.spec["protocol"])
    digests = [
        (_("Protocol"), protocol.digest()),
        (_("Job specification"), result.spec_digest),
        (_("Corpus snapshot"), job.snapshot.digest),
        (_("Root of the snapshot’s manifest"), job.snapshot.merkle_root),
        (_("Recipe"), job.recipe.digest),
        (_("Model before"), job.base.digest if job.base else ""),
        (_("Model after"), result.model_digest),
        (_("Retain set"), result.retain_digest),
    ]
    return {
        "protocol": protocol,
        "protocol_digest": protocol.digest(),
        "digests": digests,
        "config": sorted(job.spec["method"]["config"].items()),
        "forget_count": len(job.spec["forget_ids"]),
        "environment": sorted(result.environment.items()),
    }


@READERS
@require_safe
def report_csv(_request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """Send the numbers behind one chart or table: a name in `TABLES`, or margins-<set>."""
    job = job_of(pk)
    try:
        result = job_result(job)
    except ChangedResultError:
        raise Http404 from None
    if result is None:
        raise Http404
    if name.startswith("margins-"):
        margins = margins_of(job, result.files).get(name.removeprefix("margins-"))
        if margins is None:
            raise Http404
        header, rows = margin_table(margins)
    elif name in TABLES:
        header, rows = TABLES[name](result)
    else:
        raise Http404
    return csv_response(f"job-{pk}-{name}", header, rows)
