"""The protocol of an evaluation, fixed before the run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Digested, EngineContract

FEWEST_ORACLES = 4


@dataclass(frozen=True)
class Estimand(EngineContract):
    """A quantity that the verdict judges, with the margin that was fixed before the run.

    `location` compares the statistic's mean over the set's examples between unlearned models and oracles, two-sided.
    `deviation` is the mean over the set's examples of the absolute distance to the oracles' mean, minus the oracles' own
    leave-one-out distance, one-sided. It catches a set that is right on average but wrong on single examples.

    With the `unit` "gap", the do-nothing gap (original minus oracle on the forget set) counts as 1: at 0 the model is as
    if retrained, at 1 as if nothing was done, and below 0 it overshot. "absolute" uses the statistic's own unit.
    """

    name: str
    examples: Literal["forget", "retain", "held_out"]
    statistic: Literal["margin", "log_likelihood", "probability"]
    kind: Literal["location", "deviation"]
    unit: Literal["gap", "absolute"]
    margin: float


DEFAULT_ESTIMANDS: tuple[Estimand, ...] = (
    Estimand("forget_location", "forget", "margin", "location", "gap", 0.25),
    Estimand("forget_deviation", "forget", "margin", "deviation", "gap", 0.35),
    Estimand("retain_location", "retain", "probability", "location", "absolute", 0.1),
    Estimand("held_out_location", "held_out", "margin", "location", "gap", 0.25),
)


@dataclass(frozen=True)
class Protocol(Digested, EngineContract):
    """The rules of an evaluation, fixed before the run; their digest is approved. The verdict follows from them alone.

    The unit of replication is the model. Replicates of the original are trained with `replicate_seeds`, in addition to the
    production model and its seed, and are unlearned in the same way. Oracles are trained with `oracle_seeds`. Models that
    the method was tuned on have `tuning_seeds` and take no part: hyperparameters chosen on the models of an audit fit
    their random differences, so the audit would flatter the method.
    """

    replicate_seeds: tuple[int, ...]
    oracle_seeds: tuple[int, ...]
    estimands: tuple[Estimand, ...] = DEFAULT_ESTIMANDS
    alpha: float = 0.05
    metrics: tuple[str, ...] | None = None
    """Names of metrics; a job is refused if one needs more models than the protocol has. None means every metric that has
    enough models and applies to the data."""
    max_retain_examples: int = 200
    max_held_out_examples: int = 200
    sample_seed: int = 2026
    tuning_seeds: tuple[int, ...] = field(default=(), metadata=ADDED_LATER)
    """Seeds of the models that the method's hyperparameters were chosen on."""

    def models_per_side(self) -> int:
        """Return the number of unlearned models or of oracles, whichever is smaller."""
        return min(len(self.replicate_seeds) + 1, len(self.oracle_seeds))

    def smallest_p(self) -> float:
        """Return the smallest two-sided p-value that permuting the models' labels can give: 2 / C(m + n, m)."""
        unlearned = len(self.replicate_seeds) + 1
        return 2 / math.comb(unlearned + len(self.oracle_seeds), unlearned)

    def problems(self) -> list[str]:
        """Return the reasons why this protocol cannot be used, in sentences; empty if it can."""
        problems = []
        if set(self.replicate_seeds) & set(self.oracle_seeds):
            problems.append("Replicates and oracles share seeds; use different seeds.")
        if set(self.tuning_seeds) & {*self.replicate_seeds, *self.oracle_seeds}:
            problems.append("Models of the audit have seeds that the method was tuned on; use seeds tuning has not seen.")
        if any(len(set(seeds)) != len(seeds) for seeds in (self.replicate_seeds, self.oracle_seeds, self.tuning_seeds)):
            problems.append("A seed is repeated; use different seeds.")
        if not self.replicate_seeds or len(self.oracle_seeds) < FEWEST_ORACLES:
            problems.append(
                "At least one replicate and four oracles are needed, because the unit of replication is the model."
            )
        elif self.smallest_p() > self.alpha:
            problems.append(f"With so few models no permutation can reach p = {self.alpha}; add replicates or oracles.")
        if not self.estimands:
            problems.append("There is nothing to judge; name at least one estimand.")
        return problems
