"""The evaluation, fixed before the run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Contract, Digested

FEWEST_ORACLES = 4


@dataclass(frozen=True)
class Estimand(Contract):
    """One quantity that the verdict judges, with the margin that was fixed before the run.

    `location`: mean over the set's examples of the statistic, unlearned models against oracles, two-sided.
    `deviation`: mean over the set's examples of the absolute distance to the oracles' mean, in excess of the oracles' own
    leave-one-out distance, one-sided. It catches a set that is right on average and wrong example by example.

    `unit` "gap" measures in units of the do-nothing gap (original minus oracle on the forget set): 0 is as retrained,
    1 is as if nothing had been done, below 0 is overshot. "absolute" measures in the statistic's own unit.
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
class Protocol(Digested, Contract):
    """The evaluation, fixed before the run and digested at approval. The verdict follows from it alone.

    The unit of replication is the model. Replicates of the original are trained with `replicate_seeds` beside the
    production model's own seed, and unlearned like it; oracles with `oracle_seeds`. Models that a method was tuned on
    have `tuning_seeds`, and take no part: hyper-parameters chosen on the models of an audit fit their chance differences,
    and the audit would come out better than the method is.
    """

    replicate_seeds: tuple[int, ...]
    oracle_seeds: tuple[int, ...]
    estimands: tuple[Estimand, ...] = DEFAULT_ESTIMANDS
    alpha: float = 0.05
    metrics: tuple[str, ...] | None = None
    """By name; one that needs more models than the protocol has is refused beforehand. None: all for which there are
    enough models, and that the data allow."""
    max_retain_examples: int = 200
    max_held_out_examples: int = 200
    sample_seed: int = 2026
    tuning_seeds: tuple[int, ...] = field(default=(), metadata=ADDED_LATER)
    """Of the models that the method's hyper-parameters were chosen on."""

    def models_per_side(self) -> int:
        """Unlearned models or oracles, whichever are fewer."""
        return min(len(self.replicate_seeds) + 1, len(self.oracle_seeds))

    def smallest_p(self) -> float:
        """Smallest two-sided p that a permutation of the model labels can give: 2 / C(m + n, m)."""
        unlearned = len(self.replicate_seeds) + 1
        return 2 / math.comb(unlearned + len(self.oracle_seeds), unlearned)

    def problems(self) -> list[str]:
        """Why this protocol cannot be used, in sentences; empty when it can."""
        found = []
        if set(self.replicate_seeds) & set(self.oracle_seeds):
            found.append("Replicates and oracles share seeds; use different ones.")
        if set(self.tuning_seeds) & {*self.replicate_seeds, *self.oracle_seeds}:
            found.append("Models of the audit have seeds that the method was tuned on; use seeds that tuning has not seen.")
        if any(len(set(seeds)) != len(seeds) for seeds in (self.replicate_seeds, self.oracle_seeds, self.tuning_seeds)):
            found.append("A seed is repeated.")
        if not self.replicate_seeds or len(self.oracle_seeds) < FEWEST_ORACLES:
            found.append("At least one replicate and four oracles are needed: the unit of replication is the model.")
        elif self.smallest_p() > self.alpha:
            found.append(f"With so few models no permutation can reach p = {self.alpha}; add replicates or oracles.")
        if not self.estimands:
            found.append("There is nothing to judge: name at least one estimand.")
        return found
