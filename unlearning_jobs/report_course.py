"""The parts of a report about the course of a run: every example's way, which ones were missed, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from compliance.charts.bands import Path
from compliance.templatetags.components import number

from .engine.contracts import Efficiency, ExampleFindings, ExampleTrajectory, JobResult, Preparation, Trajectory
from .wording import duration, ending_word

Table = tuple[Sequence[str], Iterable[Sequence[object]]]


def trajectory_shown(trajectory: Trajectory | None) -> dict[str, Any] | None:
    """What the band chart and its table show; None where the method left no trace."""
    if trajectory is None:
        return None
    ends = Counter(example.end for example in trajectory.examples)
    return {
        "steps": trajectory.steps,
        "band": trajectory.band,
        "stop": trajectory.stop,
        "best": trajectory.best_single_stop,
        "paths": [Path(example.example_id, _distances(example), example.end) for example in trajectory.examples],
        "counts": _(
            "At the end %(within)d of %(all)d examples lie within the band of their own oracles; %(undershot)d are still too"
            " well known, %(overshot)d by now too little."
        )
        % {"all": len(trajectory.examples), **{end: ends[end] for end in ("within", "undershot", "overshot")}},
        "caption": _(
            "Mean distance from the oracles: %(stop)s where the run was stopped, %(best)s at the best common step, %(own)s"
            " if every example could have been stopped at its own."
        )
        % {
            "stop": number(trajectory.distance_at_stop),
            "best": number(trajectory.distance_at_best_single_stop),
            "own": number(trajectory.distance_at_own_stops),
        },
        "columns": [
            _("Example"),
            _("At the start"),
            _("At the end"),
            _("Entered its band"),
            _("Left it"),
            _("Best step"),
            "",
        ],
        "rows": [_row(example, trajectory) for example in trajectory.examples],
    }


def _distances(example: ExampleTrajectory) -> tuple[float, ...]:
    """In standard deviations of the oracles; not finite where those do not differ."""
    spread = example.oracle_deviation or float("nan")
    return tuple((margin - example.oracle_mean) / spread for margin in example.margins)


def _row(example: ExampleTrajectory, trajectory: Trajectory) -> list[object]:
    distances = _distances(example)
    return [
        example.example_id,
        number(distances[0]),
        number(distances[trajectory.steps.index(trajectory.stop)]),
        _("never") if example.entered is None else example.entered,
        "–" if example.left is None else example.left,
        example.best_step,
        ending_word(example.end),
    ]


def trajectory_table(result: JobResult) -> Table:
    """One row per example and step."""
    if result.trajectory is None:
        raise Http404
    header = ("example_id", "step", "margin", "oracle_mean", "oracle_deviation", "entered", "left", "best_step", "end")
    return header, (
        (e.example_id, step, margin, e.oracle_mean, e.oracle_deviation, e.entered, e.left, e.best_step, e.end)
        for e in result.trajectory.examples
        for step, margin in zip(result.trajectory.steps, e.margins, strict=True)
    )


def examples_sentence(found: ExampleFindings | None) -> dict[str, str] | None:
    """How many examples were missed, and on which side."""
    if found is None:
        return None
    counts = {
        "all": len(found.example_ids),
        "high": found.too_high_fdr,
        "low": found.too_low_fdr,
        "level": number(found.level),
    }
    return {
        "sentence": _(
            "Tested one by one over models, %(high)d of %(all)d examples are still better known than by the oracles, and"
            " %(low)d less; of those named, a share of at most %(level)s is named by chance."
        )
        % counts
    }


def example_table(result: JobResult) -> Table:
    """One row per example to forget."""
    found = result.evaluation.examples if result.evaluation else None
    if found is None:
        raise Http404
    columns = (found.example_ids, found.auc, found.p_value, found.p_fdr, found.p_fwer)
    return ("example_id", "auc", "p_value", "p_benjamini_hochberg", "p_max_t"), zip(*columns, strict=True)


def efficiency_shown(efficiency: Efficiency | None) -> dict[str, str] | None:
    """What unlearning took, beside one training in the same run."""
    if efficiency is None:
        return None
    took = duration(efficiency.unlearning.wall_seconds)
    if efficiency.retraining is None or efficiency.wall_share is None:
        sentence = _("Unlearning the production model took %(took)s.") % {"took": took}
    else:
        sentence = _(
            "Unlearning the production model took %(took)s, which is %(share)s of one retraining (mean of %(count)d in the"
            " same run)."
        ) % {"took": took, "share": f"{100 * efficiency.wall_share:.0f} %", "count": efficiency.retrainings}
    return {"sentence": sentence, "prepared": _prepared(efficiency.preparation), "note": efficiency.note}


def _prepared(preparation: Preparation | None) -> str:
    """What serves later requests too; empty where the method prepares nothing."""
    if preparation is None:
        return ""
    return _(
        "Before that, %(took)s went into what serves every request about this model version: %(models)d small trainings in"
        " all, whose prediction correlates with what other models really do by %(correlation)s on average."
    ) % {
        "took": duration(preparation.spent.wall_seconds),
        "models": preparation.models,
        "correlation": f"{preparation.correlation:.2f}",
    }
