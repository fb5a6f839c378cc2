"""The numbers of a report as tables for CSV: a header and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.http import Http404

from unlearning_jobs.engine.catalogue import METRICS
from unlearning_jobs.engine.contracts import Estimand, Evaluation, JobResult, MetricFinding

from .data import GROUPS, SetMargins

Table = tuple[Sequence[str], Iterable[Sequence[object]]]


def margin_table(margins: SetMargins) -> Table:
    """Return one row per model. The single examples are in the outputs, which the evidence bundle holds."""
    return ("group", "seed", "margin_mean"), _margin_rows(margins)


def _margin_rows(margins: SetMargins) -> Iterator[tuple[object, ...]]:
    for group in GROUPS:
        seeds = margins.by_model.get(group, {})
        yield from ((group, seed, mean) for seed, mean in zip(seeds, margins.model_means(group), strict=True))


def estimand_table(result: JobResult) -> Table:
    """Return one row per finding. `margin_used` is empty where it is the estimand's own margin."""
    about = ("scope", "name", "set", "statistic", "kind", "unit", "threshold")
    header = (*about, "estimate", "low", "high", "margin", "margin_used", "judged", "position")
    return header, (
        (
            f.scope,
            *_estimand_cells(f.estimand),
            f.estimate,
            f.low,
            f.high,
            f.estimand.margin,
            f.margin_used,
            f.judged,
            f.position,
        )
        for f in _evaluation(result).estimands
    )


def _estimand_cells(estimand: Estimand) -> tuple[object, ...]:
    threshold = estimand.threshold or None
    return estimand.name, estimand.examples, estimand.statistic, estimand.kind, estimand.unit, threshold


def duplicate_table(result: JobResult) -> Table:
    """Return one row per retained example that repeats one that was to be forgotten."""
    return ("forget_id", "retain_id", "likeness"), (
        (d.forget_id, d.retain_id, d.likeness) for d in _evaluation(result).duplicates
    )


def metric_table(result: JobResult) -> Table:
    """Return one row per finding of a metric, those of attacks among them."""
    return _findings_table(_evaluation(result).metrics)


def attack_table(result: JobResult) -> Table:
    """Return one row per finding of an attack."""
    return _findings_table([m for m in _evaluation(result).metrics if m.name in METRICS and METRICS[m.name].attack])


def _findings_table(findings: Iterable[MetricFinding]) -> Table:
    header = ("name", "set", "unlearned", "low", "high", "original", "oracle_low", "oracle_high", "oracles", "note")
    return header, (
        (
            m.name,
            m.examples,
            m.unlearned,
            m.low,
            m.high,
            m.original,
            *value_range(m.oracles),
            " ".join(map(str, m.oracles)),
            m.note,
        )
        for m in findings
    )


def example_table(result: JobResult) -> Table:
    """Return one row per example of the forget set.

    Raises:
        Http404: the examples were not tested one by one.
    """
    findings = _evaluation(result).examples
    if findings is None:
        raise Http404
    columns = (findings.example_ids, findings.auc, findings.p_value, findings.p_fdr, findings.p_fwer)
    return ("example_id", "auc", "p_value", "p_benjamini_hochberg", "p_max_t"), zip(*columns, strict=True)


def value_range(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the smallest and the largest value, or two Nones when there are none."""
    return min(values, default=None), max(values, default=None)


def _evaluation(result: JobResult) -> Evaluation:
    if result.evaluation is None:
        raise Http404
    return result.evaluation
