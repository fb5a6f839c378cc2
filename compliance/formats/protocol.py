"""The protocol of an evaluation, fixed before the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from .assurances import Assurance, assurance_problems
from .attacks import RELEARNING, named_problems
from .contracts import ADDED_LATER, Contract, Digested
from .verdicts import Guarantee

FEWEST_ORACLES: Final = 4
"""Oracles of the independent design, and of the annex to an exact or certified result."""
FEWEST_PAIRS: Final = 3
FEWEST_UNLEARNED: Final = 2
WATCHERS: Final = 2
"""Independent oracles that every paired evaluation has beside its pairs."""
MOST_ALPHA: Final = 0.1
MOST_LOOKS: Final = 4
MOST_THRESHOLD: Final = 0.25
FEWEST_EXAMPLES: Final = 50
"""Retain and held-out examples to sample: damage is judged by shares of them."""
MOST_ROWS: Final = 5_000_000
"""Rows of raw outputs, one for each model and example: no more are computed again, so no more are signed."""
MOST_SEED: Final = 2**31
ANNEXED: Final[tuple[Guarantee, ...]] = ("exact", "certified")
"""Guarantees whose results are released on other evidence than measurements; their evaluation is an annex."""
FURTHER: Final = 0.03
"""Level of the interval in which a further oracle lies: no margin is finer than that."""
HALF: Final = 0.5
"""In units of the gap: a model beyond it is no nearer to the oracles than to its original, and is never within."""
MOST_APART: Final = 0.1
"""Of mean probability: a declared model farther from its replicates is none of their recipe, however they differ."""
WIDEST: Final[dict[tuple[str, str], float]] = {
    ("location", "gap"): HALF,
    ("deviation", "gap"): HALF,
    ("location", "absolute"): 0.2,
    ("log-odds", "absolute"): 1.0,
    ("deviation", "absolute"): 0.2,
    ("missed", "absolute"): 0.05,
    ("damaged", "absolute"): 0.05,
}
"""The widest margin by kind and unit. At half a gap the result is no nearer to the oracles than to the original, and the
originals themselves must fail."""


SHARES: Final = ("missed", "damaged")
"""Kinds of estimands that count examples."""
LOG_ODDS: Final = ("margin", "log_likelihood")
"""Statistics without bounds; the others lie between 0 and 1."""


@dataclass(frozen=True)
class Estimand(Contract):
    """A quantity that the verdict judges, with the margin that was fixed before the run.

    `location` compares the statistic's mean over the set's examples between unlearned models and oracles, two-sided.
    `deviation` is the mean over the set's examples of the absolute distance to the oracles' mean, minus the oracles' own
    leave-one-out distance, one-sided. It catches a set that is right on average but wrong on single examples.
    `missed` is the share of examples that are still nearer to the original than to the oracle, each by its own gap.
    `damaged` is the share of examples on which the statistic is lower than the oracles' by more than `threshold`.

    With the `unit` "gap", the do-nothing gap (original minus oracle on the forget set) counts as 1: at 0 the model is as
    if retrained, at 1 as if nothing was done, and below 0 it overshot. "absolute" uses the statistic's own unit, or a share
    of the examples.
    """

    name: str
    examples: Literal["forget", "retain", "held_out"]
    statistic: Literal["margin", "log_likelihood", "probability", "accuracy"]
    kind: Literal["location", "deviation", "missed", "damaged"]
    unit: Literal["gap", "absolute"]
    margin: float
    threshold: float = field(default=0.0, metadata=ADDED_LATER)
    """For `damaged`: the loss from which an example counts, in the statistic's unit. An example on which the oracles differ
    more among themselves counts only from there."""

    def problems(self) -> list[str]:
        """Return the reasons why nothing can be judged by this, in sentences."""
        kind = "log-odds" if self.kind == "location" and self.statistic in LOG_ODDS else self.kind
        widest = WIDEST.get((kind, self.unit), WIDEST.get((self.kind, self.unit), 0.0))
        problems = []
        if not 0 < self.margin <= widest:  # also refuses NaN
            problems.append(
                f"{self.name} has the margin {self.margin:g}; a margin for a {self.kind} ({self.unit}) is above 0 and at"
                f" most {widest:g}, or doing nothing could pass."
            )
        if self.kind == "damaged" and not 0 < self.threshold <= MOST_THRESHOLD:
            problems.append(
                f"{self.name} has the threshold {self.threshold:g}; it must be above 0 and at most {MOST_THRESHOLD:g}."
            )
        return problems


DEFAULT_ESTIMANDS: tuple[Estimand, ...] = (
    Estimand("forget_location", "forget", "margin", "location", "gap", 0.25),
    Estimand("forget_deviation", "forget", "margin", "deviation", "gap", 0.35),
    Estimand("forget_missed", "forget", "margin", "missed", "absolute", 0.03),
    Estimand("retain_location", "retain", "probability", "location", "absolute", 0.05),
    Estimand("retain_damaged", "retain", "probability", "damaged", "absolute", 0.025, threshold=0.2),
    Estimand("retain_accuracy", "retain", "accuracy", "location", "absolute", 0.05),
    Estimand("held_out_location", "held_out", "margin", "location", "absolute", 0.5),
    Estimand("held_out_damaged", "held_out", "probability", "damaged", "absolute", 0.025, threshold=0.2),
    Estimand("held_out_accuracy", "held_out", "accuracy", "location", "absolute", 0.05),
)


@dataclass(frozen=True)
class Protocol(Digested, Contract):
    """The rules of an evaluation, fixed before the run; their digest is approved. The verdict follows from them alone.

    The unit of replication is the model. Replicates of the original are trained with `replicate_seeds`, in addition to the
    production model and its seed, and are unlearned in the same way. Models that the method was tuned on have
    `tuning_seeds` and take no part: hyperparameters chosen on the models of an audit fit their random differences, so the
    audit would flatter the method.

    In the "independent" design, oracles are trained with `oracle_seeds` and in an order of their own. In the "paired" one,
    the production model and every replicate have an oracle of their own, which shares the seed and takes the original's
    order of the examples, the forgotten ones left out and the batches filled up again; `oracle_seeds` are independent
    oracles that watch the pairs.

    An exact result is released on the evidence of its process and a certified one on its certificate. Their evaluation is
    an annex, so it needs no replicates.
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
    design: Literal["independent", "paired"] = field(default="independent", metadata=ADDED_LATER)
    looks: int = field(default=1, metadata=ADDED_LATER)
    """How often the verdict is tried. At look k of K there is the share k / K of the models. The first verdict that decides
    ends the job."""
    influence: float = field(default=0.02, metadata=ADDED_LATER)
    """What counts as no measurable influence: the forget set's mean probability moves by less than this, in all."""
    assurance: Assurance = field(default="reproduced", metadata=ADDED_LATER)
    """Of the model to unlearn. A declared one is first compared with replicates, since it may be of another recipe. A
    behavioural one is compared with held-out examples alone, and has neither replicates nor oracles nor estimands."""
    relearning: int = field(default=0, metadata=ADDED_LATER)
    """Steps for which copies of the models are fine-tuned on some forget examples; 0: they are not. It judges nothing."""
    attacks: tuple[str, ...] = field(default=(), metadata=ADDED_LATER)
    """Names of attacks on the production model and every oracle, which judge nothing; relearning is asked for by steps."""

    @property
    def paired(self) -> bool:
        """Return whether every unlearned model has an oracle of its own."""
        return self.design == "paired"

    @property
    def all_attacks(self) -> tuple[str, ...]:
        """Return the names of all attacks, relearning among them if it has steps."""
        return (*self.attacks, *((RELEARNING,) if self.relearning else ()))

    @property
    def alpha_per_look(self) -> float:
        """Return the level of each look: by Bonferroni, the looks together err with a probability of at most alpha."""
        return self.alpha / self.looks

    @property
    def has_oracles(self) -> bool:
        """Return whether models are trained to compare with: not if nobody declared how the model was trained."""
        return self.assurance != "behavioural"

    def unlearned_at(self, look: int) -> int:
        """Return the number of unlearned models at a look, from 1, the production model among them."""
        return math.ceil((len(self.replicate_seeds) + 1) * look / self.looks)

    def independent_oracles_at(self, look: int) -> int:
        """Return the number of independent oracles at a look, from 1."""
        return len(self.oracle_seeds) if self.paired else math.ceil(len(self.oracle_seeds) * look / self.looks)

    def oracles_at(self, look: int) -> int:
        """Return the number of all oracles at a look, from 1."""
        return self.independent_oracles_at(look) + (self.unlearned_at(look) if self.paired else 0)

    def rows(self, examples: int) -> int:
        """Return the number of rows of raw outputs at the last look, if every model is measured on so many examples."""
        return (2 * self.unlearned_at(self.looks) + self.oracles_at(self.looks)) * examples

    def models_per_side(self) -> int:
        """Return the number of unlearned models or of oracles at the first look, whichever is smaller."""
        return min(self.unlearned_at(1), self.oracles_at(1))

    def smallest_p(self) -> float:
        """Return the smallest two-sided p-value that permuting the labels of all models can give: 2 / C(m + n, m)."""
        unlearned, oracles = self.unlearned_at(self.looks), self.oracles_at(self.looks)
        return 2 / math.comb(unlearned + oracles, unlearned)

    def problems(
        self, guarantee: Guarantee = "empirical", *, held_out: bool = True, seed: int | None = None, shares: bool = True
    ) -> list[str]:
        """Return the reasons why a method of this guarantee cannot be judged by this protocol; empty if it can.

        Args:
            guarantee: of the method.
            held_out: whether the corpus has held-out examples; damage to them must be judged then, and only then.
            seed: of the production model, where that is known.
            shares: whether missed and damaged examples must be counted; the first version of results did not know how.
        """
        asked = {kind: subject for kind, subject in REQUIRED.items() if shares or kind[2] not in SHARES}
        if not self.has_oracles:
            asked = {}
        return [
            *self._seed_problems(seed),
            *(self._size_problems(guarantee) if self.has_oracles else ()),
            *self._assurance_problems(guarantee, held_out=held_out),
            *self._rule_problems(asked, held_out=held_out),
            *named_problems(self.attacks, self.relearning),
        ]

    def _seed_problems(self, seed: int | None) -> list[str]:
        problems = []
        if seed in {*self.replicate_seeds, *self.oracle_seeds}:
            problems.append("The production model's seed is also a replicate's or an oracle's; use different seeds.")
        if seed in self.tuning_seeds:
            problems.append(
                "The method was tuned on the production model's seed, which is part of the audit; use other seeds."
            )
        if set(self.replicate_seeds) & set(self.oracle_seeds):
            problems.append("Replicates and independent oracles share seeds; use different seeds.")
        if set(self.tuning_seeds) & {*self.replicate_seeds, *self.oracle_seeds}:
            problems.append("Models of the audit have seeds that the method was tuned on; use seeds tuning has not seen.")
        if any(len(set(seeds)) != len(seeds) for seeds in (self.replicate_seeds, self.oracle_seeds, self.tuning_seeds)):
            problems.append("A seed is repeated; use different seeds.")
        seeds = (*self.replicate_seeds, *self.oracle_seeds, *self.tuning_seeds, self.sample_seed)
        if not all(0 <= seed <= MOST_SEED for seed in seeds):
            problems.append(f"A seed is negative or above {MOST_SEED}; use others.")
        return problems

    def _size_problems(self, guarantee: Guarantee) -> list[str]:
        if not 1 <= self.looks <= MOST_LOOKS:
            return [f"A verdict is tried once to {MOST_LOOKS} times, not {self.looks} times."]
        unlearned, oracles = self.unlearned_at(1), len(self.oracle_seeds)
        if guarantee in ANNEXED:
            enough = not self.paired and self.looks == 1 and oracles >= FEWEST_ORACLES
            problem = "An exact or certified result is compared once, with at least four independent oracles."
        elif self.paired:
            enough = unlearned >= FEWEST_PAIRS and oracles >= WATCHERS
            problem = "At least three pairs at the first look and two independent oracles are needed."
        else:
            enough = unlearned >= FEWEST_UNLEARNED and self.independent_oracles_at(1) >= FEWEST_ORACLES
            problem = (
                "At least two unlearned models and four oracles at the first look are needed, because the unit of"
                " replication is the model."
            )
        return [] if enough else [problem]

    def _assurance_problems(self, guarantee: Guarantee, *, held_out: bool) -> list[str]:
        others = (self.replicate_seeds, self.oracle_seeds, self.estimands, self.paired, self.looks != 1)
        return assurance_problems(
            self.assurance,
            guarantee,
            paired=self.paired,
            unlearned=self.unlearned_at(1) if self.looks > 0 else 0,
            needs_others=any(others),
            held_out=held_out,
        )

    def _rule_problems(self, asked: Mapping[tuple[str, str, str, str], str], *, held_out: bool) -> list[str]:
        problems = [problem for estimand in self.estimands for problem in estimand.problems()]
        if not 0 < self.alpha <= MOST_ALPHA:  # also refuses NaN
            problems.append(f"The significance level is {self.alpha:g}; it must be above 0 and at most {MOST_ALPHA:g}.")
        if min(self.max_retain_examples, self.max_held_out_examples) < FEWEST_EXAMPLES:
            problems.append(f"Fewer than {FEWEST_EXAMPLES} retained or held-out examples say too little about damage.")
        if not 0 < self.influence <= WIDEST["location", "absolute"]:
            problems.append(f"The limit of influence is {self.influence:g}; it must be above 0 and at most 0.2.")
        if len({e.name for e in self.estimands}) != len(self.estimands):
            problems.append("Two estimands have the same name; rename one.")
        kinds = {(e.examples, e.statistic, e.kind, e.unit) for e in self.estimands}
        for kind, subject in asked.items():
            if kind not in kinds and (held_out or kind[0] != "held_out"):
                problems.append(f"Nothing judges {subject}; add an estimand for it.")
        if not held_out:
            problems += [
                f"{estimand.name} judges held-out examples, but the corpus has none; remove the estimand, or add some"
                " examples."
                for estimand in self.estimands
                if estimand.examples == "held_out"
            ]
        return problems


REQUIRED: Final = {
    ("forget", "margin", "location", "gap"): "where the forget set lies between retraining and doing nothing",
    ("forget", "margin", "missed", "absolute"): "whether single examples were missed",
    ("retain", "probability", "damaged", "absolute"): "whether retained examples were damaged",
    ("held_out", "probability", "damaged", "absolute"): "whether held-out examples were damaged",
}
"""Without these estimands, a model could pass that was not unlearned, or was destroyed."""
