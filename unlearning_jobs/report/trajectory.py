"""Every example's distance from its oracles, step by step: the band chart of a report and its table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from compliance.ui.charts.bands import Path
from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.contracts import ExampleTrajectory, JobResult, Trajectory
from unlearning_jobs.wording import ending_word

from .tables import Table


def trajectory_shown(trajectory: Trajectory | None) -> dict[str, Any] | None:
    """Return what the band chart and its table show, or None when the method kept no trajectory."""
    if trajectory is None:
        return None
    return {
        "steps": trajectory.steps,
        "band": trajectory.band,
        "stop": trajectory.stop,
        "best": trajectory.best_single_stop,
        "paths": [Path(example.example_id, _distances(example), example.end) for example in trajectory.examples],
        "counts": _counts_sentence(trajectory),
        "caption": _caption(trajectory),
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


def _counts_sentence(trajectory: Trajectory) -> str:
    ends = Counter(example.end for example in trajectory.examples)
    return _(
        "At the end %(within)d of %(all)d examples lie within the band of their own oracles; %(undershot)d are still"
        " known too well, and %(overshot)d are now known too little."
    ) % {"all": len(trajectory.examples), **{end: ends[end] for end in ("within", "undershot", "overshot")}}


def _caption(trajectory: Trajectory) -> str:
    return _(
        "Mean distance from the oracles: %(stop)s where the run was stopped, %(best)s at the best common step, %(own)s"
        " if every example could have been stopped at its own best step."
    ) % {
        "stop": number(trajectory.distance_at_stop),
        "best": number(trajectory.distance_at_best_single_stop),
        "own": number(trajectory.distance_at_own_stops),
    }


def _distances(example: ExampleTrajectory) -> tuple[float, ...]:
    """Return the distance at each step in standard deviations of the oracles; NaN when the oracles do not differ."""
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
    """Return one row per example and step.

    Raises:
        Http404: the method kept no trajectory.
    """
    if result.trajectory is None:
        raise Http404
    header = ("example_id", "step", "margin", "oracle_mean", "oracle_deviation", "entered", "left", "best_step", "end")
    return header, (
        (e.example_id, step, margin, e.oracle_mean, e.oracle_deviation, e.entered, e.left, e.best_step, e.end)
        for e in result.trajectory.examples
        for step, margin in zip(result.trajectory.steps, e.margins, strict=True)
    )
