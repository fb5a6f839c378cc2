"""Facts about the way of single examples: where each ended, and how far from the oracles, follows from its margins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from compliance.formats.trajectory import ExampleTrajectory, Trajectory

from .facts import of_report
from .story import ToldReport

ROUNDED: Final = 0.004
"""Margins and the oracles' numbers are rounded to three decimals; a band is several of them wide."""
BAND: Final = 2.0
DISTANCES: Final = ("distance_at_stop", "distance_at_best_single_stop", "distance_at_own_stops")


def _at_odds(told: ToldReport) -> list[str] | None:
    """Return what is stated about the trajectory and does not follow from its margins."""
    trajectory = told.findings.trajectory if told.findings is not None else None
    return None if trajectory is None else list(_contradicted(trajectory))


def _contradicted(trajectory: Trajectory) -> Iterator[str]:
    steps, examples = list(trajectory.steps), trajectory.examples
    if trajectory.band != BAND:
        yield "band"
    in_order = steps == sorted(set(steps)) and bool(examples) and trajectory.stop in steps
    if not in_order or any(len(one.margins) != len(steps) for one in examples):
        yield "steps"
        return
    distances = [[abs(margin - one.oracle_mean) for margin in one.margins] for one in examples]  # examples, steps
    means = [sum(column) / len(column) for column in zip(*distances, strict=True)]  # steps
    own = sum(min(row) for row in distances) / len(distances)
    expected = (means[steps.index(trajectory.stop)], min(means), own)
    yield from (
        name for name, value in zip(DISTANCES, expected, strict=True) if abs(getattr(trajectory, name) - value) > ROUNDED
    )
    if trajectory.best_single_stop not in steps or means[steps.index(trajectory.best_single_stop)] > min(means) + ROUNDED:
        yield "best_single_stop"
    for one in examples:
        yield from (f"{one.example_id} {name}" for name in _example_contradicted(one, steps, steps.index(trajectory.stop)))


def _example_contradicted(one: ExampleTrajectory, steps: Sequence[int], stop: int) -> Iterator[str]:
    excess = [margin - one.oracle_mean for margin in one.margins]
    band = BAND * one.oracle_deviation
    if one.oracle_deviation < 0:
        yield "oracle_deviation"
    if one.best_step not in steps or abs(excess[steps.index(one.best_step)]) > min(map(abs, excess)) + ROUNDED:
        yield "best_step"
    if one.end not in _ends(excess[stop], band):
        yield "end"
    inside = [abs(value) <= band + ROUNDED for value in excess]  # perhaps, at the edge of the band
    outside = [abs(value) >= band - ROUNDED for value in excess]
    if one.entered is None:
        if one.left is not None or not all(outside):
            yield "entered"
        return
    if one.entered not in steps or (one.left is not None and (one.left not in steps or one.left <= one.entered)):
        yield "entered, left"
        return
    entered, left = steps.index(one.entered), None if one.left is None else steps.index(one.left)
    if not all(outside[:entered]) or not inside[entered]:
        yield "entered"
    if not all(inside[entered:left]) or (left is not None and not outside[left]):
        yield "left"


def _ends(excess: float, band: float) -> Iterator[str]:
    if excess >= band - ROUNDED:
        yield "undershot"
    if excess <= ROUNDED - band:
        yield "overshot"
    if abs(excess) <= band + ROUNDED:
        yield "within"


def _nothing(told: ToldReport) -> list[Any] | None:
    return [] if told.findings is not None and told.findings.trajectory is not None else None


def _followed(told: ToldReport) -> dict[str, dict[str, float]] | None:
    """Return the margins that are stated for each example, by step; none if nothing was followed."""
    if told.findings is None or told.evaluation is None or told.evaluation.gap is None:
        return None
    trajectory = told.findings.trajectory
    if trajectory is None:
        return {}
    steps = [str(step) for step in trajectory.steps]
    return {one.example_id: dict(zip(steps, one.margins, strict=False)) for one in trajectory.examples}


def _margins(told: ToldReport) -> dict[str, dict[str, float | None]] | None:
    if told.margins is None:
        return None
    return {name: {str(step): margin for step, margin in of_steps.items()} for name, of_steps in told.margins.items()}


def margins_alike(stated: dict[str, dict[str, float]], measured: dict[str, dict[str, float]]) -> bool:
    """Return whether the margins are the same, of the same examples at the same steps, up to rounding."""
    return stated.keys() == measured.keys() and all(
        stated[name].keys() == measured[name].keys()
        and all(abs(margin - measured[name][step]) <= ROUNDED for step, margin in stated[name].items())
        for name in stated
    )


FOLLOWED = of_report(
    "result.json trajectory, margins by step",
    _followed,
    "result.json trajectory.steps",
    "result.json trajectory.examples.margins",
    "result.json trajectory.examples.example_id",
)
FOLLOWED_MARGINS = of_report("trajectory.parquet margin", _margins)
AT_ODDS = of_report(
    "what result.json trajectory states",
    _at_odds,
    *(f"result.json trajectory.{name}" for name in ("stop", "best_single_stop", "band", *DISTANCES)),
    *(f"result.json trajectory.examples.{name}" for name in ("entered", "left", "best_step", "end")),
)
"""The names of what does not follow."""
NOTHING_AT_ODDS = of_report(
    "what follows from its margins",
    _nothing,
    "result.json trajectory.steps",
    *(f"result.json trajectory.examples.{name}" for name in ("margins", "oracle_mean", "oracle_deviation")),
)
