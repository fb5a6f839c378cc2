"""The trajectory of an unlearning run: how every forget example's margin moved towards its oracles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .contracts import Contract, formerly


@dataclass(frozen=True)
class ExampleTrajectory(Contract):
    """One example's margin over the run, and the margins that the oracles give it."""

    example_id: str = field(metadata=formerly("record_id"))
    margins: tuple[float, ...]
    """Mean log-odds per answer at the trajectory's steps, rounded to three decimals."""
    oracle_mean: float
    oracle_deviation: float
    """Standard deviation over the oracles, with n - 1 in the denominator."""
    entered: int | None
    """First step at which the margin was inside the band; None if it never was."""
    left: int | None
    """First later step at which it was outside again; None if it stayed inside."""
    best_step: int
    """Step at which it was closest to the oracles' mean; the first one of a tie."""
    end: Literal["undershot", "within", "overshot"]
    """Where the final model's margin lies: above the band, within it, or below it."""


@dataclass(frozen=True)
class Trajectory(Contract):
    """How the production model forgot, example by example.

    An example's band is the oracles' mean plus and minus `band` of their standard deviations. A distance is the absolute
    difference between a margin and the oracles' mean, averaged over the examples.
    """

    steps: tuple[int, ...]
    """In ascending order; step 0 is the original model."""
    stop: int
    """Step of the final model: the last one, or the one that the method went back to."""
    best_single_stop: int
    """Step with the smallest distance if all examples stop together; the first one of a tie."""
    distance_at_stop: float
    distance_at_best_single_stop: float
    distance_at_own_stops: float
    """Distance if every example could stop at its own best step, which no run can do. The difference between this and
    `distance_at_best_single_stop` is the cost of a single stopping point."""
    band: float
    examples: tuple[ExampleTrajectory, ...]
    """One for each forget example; if there are very many, only for the first of them."""
