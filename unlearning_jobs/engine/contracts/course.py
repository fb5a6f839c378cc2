"""Contracts about how a run went: the way of every example to forget, and what it cost. Torch-free, like `contracts`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Contract, formerly


@dataclass(frozen=True)
class ExampleTrajectory(Contract):
    """One example's margin over the run, against the margins that the oracles give it."""

    example_id: str = field(metadata=formerly("record_id"))
    margins: tuple[float, ...]
    """Mean log-odds per answer at the trajectory's steps, rounded to three places."""
    oracle_mean: float
    oracle_deviation: float
    """Standard deviation over the oracles, n - 1 in the denominator."""
    entered: int | None
    """First step at which the margin lay in the band; None when it never did."""
    left: int | None
    """First later step at which it lay outside again; None when it stayed."""
    best_step: int
    """Step at which it was closest to the oracles' mean; the first of several."""
    end: Literal["undershot", "within", "overshot"]
    """Where the shipped model leaves it: above the band, in it, or below it."""


@dataclass(frozen=True)
class Trajectory(Contract):
    """How the production model forgot, example by example.

    An example's band is the oracles' mean plus and minus `band` of their standard deviations. A distance is the absolute
    difference of a margin from the oracles' mean, averaged over the examples.
    """

    steps: tuple[int, ...]
    """Ascending; 0 is the model as it was."""
    stop: int
    """Step of the shipped model: the last one, or the one that the method went back to."""
    best_single_stop: int
    """Step with the smallest distance, were all examples stopped at once; the first of several."""
    distance_at_stop: float
    distance_at_best_single_stop: float
    distance_at_own_stops: float
    """Were every example stopped at its own best step, which no run can do: what a single stop costs lies between."""
    band: float
    examples: tuple[ExampleTrajectory, ...]
    """Of all examples to forget, or the first of them where they are very many."""


@dataclass(frozen=True)
class Spent(Contract):
    """What a piece of work took."""

    wall_seconds: float
    device_seconds: float | None = None
    """From its first to its last moment on the accelerator, by the accelerator's clock; None on a CPU."""
    examples: float | None = None
    """Examples that passed forwards and backwards; one that only passed forwards counts for a third. None: not counted."""


@dataclass(frozen=True)
class Preparation(Contract):
    """What a method prepared that serves all requests about the model version."""

    spent: Spent
    """In this run: next to nothing where it was there already."""
    models: int
    """Trained for it, now or before."""
    correlation: float
    """Between what it predicts and what models do that it was not made from."""


@dataclass(frozen=True)
class Efficiency(Contract):
    """What unlearning the production model cost, and training it again, both measured in this run.

    Evaluation and the training of replicates and oracles are not part of the cost; curves drawn on the way are. What a
    method prepared for all requests about the model version is told apart.
    """

    unlearning: Spent
    retraining: Spent | None
    """Mean over the oracles that were trained in this run, each for itself; None when there was none."""
    retrainings: int
    """How many oracles that mean is over."""
    wall_share: float | None
    """Unlearning over retraining, and so on; None where one of them is unknown."""
    device_share: float | None
    examples_share: float | None
    note: str
    """What has to be known about these numbers, in a sentence; empty where nothing has."""
    from_cache: int = field(default=0, metadata=ADDED_LATER)
    """Models that the method asked for and that had been trained before: its own cost is understated."""
    preparation: Preparation | None = field(default=None, metadata=ADDED_LATER)
    """None where the method prepares nothing. It is not part of `unlearning`."""
