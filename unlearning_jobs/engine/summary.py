"""What the command `run` prints of a result: the verdict with its reasons, what was measured, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator

from .contracts import Efficiency, Evaluation, JobResult, JobSpec
from .preparation import job_protocol

ASSURED = {
    "reproduced": "the model was trained here, by its recipe",
    "declared": "the model was trained elsewhere, by a recipe that somebody declares for it",
    "behavioural": "nobody declares how the model was trained",
}
CONTRADICTED = "the model cannot be taken for one of the recipe that somebody declares for it"
CHECKED = {True: "held", False: "did NOT hold", None: "not checked"}


def summary_lines(spec: JobSpec, result: JobResult) -> Iterator[str]:
    """Yield what a result says, line by line."""
    for name, value in result.training_metrics.items():
        yield f"{name:<28} {value:.4f}"
    if result.evaluation:
        yield from _evaluation_lines(spec, result.evaluation)
    if result.efficiency:
        yield from _cost_lines(result.efficiency)


def _evaluation_lines(spec: JobSpec, evaluation: Evaluation) -> Iterator[str]:
    yield f"verdict: {evaluation.verdict.outcome}  {evaluation.verdict.direction or ''}".rstrip()
    for reason in evaluation.verdict.reasons:
        yield f"    {reason.sentence}"
    yield f"assurance: {assured(spec, evaluation)}"
    for check in evaluation.process:
        yield f"{check.name:<28} {CHECKED[check.held]}  {check.sentence}"
    for f in evaluation.estimands:
        yield f"{f.scope:<8} {f.estimand.name:<20} {f.estimate:8.3f}  [{f.low:.3f}, {f.high:.3f}]  {f.position}"
    for metric in evaluation.metrics:
        oracles = f"{sum(metric.oracles) / len(metric.oracles):.4g}" if metric.oracles else "too few"
        interval = "" if metric.low is None else f"  [{metric.low:.3g}, {metric.high:.3g}]"
        values = f"{metric.unlearned:8.4g}{interval}  original {metric.original:.4g}  oracles {oracles}"
        yield f"{metric.name} {metric.examples}".ljust(36) + f" {values}  {metric.note}".rstrip()
    measured = {metric.name for metric in evaluation.metrics}
    for name in job_protocol(spec).metrics or ():
        if name not in measured:
            yield f"{name:<36} not measured: no example has what it is computed from"


def _cost_lines(cost: Efficiency) -> Iterator[str]:
    share = "unknown" if cost.wall_share is None else f"{100 * cost.wall_share:.1f} %"
    yield f"unlearning took {cost.unlearning.wall_seconds:.1f} s; share of one retraining: {share} {cost.note}".rstrip()
    if prepared := cost.preparation:
        yield (
            f"preparation for all requests: {prepared.spent.wall_seconds:.1f} s, {prepared.models} models; correlation"
            f" of its predictions with the shifts of other models: {prepared.correlation:.2f}"
        )


def assured(spec: JobSpec, evaluation: Evaluation) -> str:
    """Return the level of assurance in words. The declared one falls with its control."""
    if any(one.name == "declared_against_replicates" and not one.behaved for one in evaluation.controls):
        return f"behavioural  {CONTRADICTED}"
    return f"{spec.assurance}  {ASSURED[spec.assurance]}"
