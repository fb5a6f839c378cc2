"""What the benchmark passes off as unlearned models, and what the verdict must say to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.evaluation.statistics import STATISTICS

from .bank import Bank

Table = NDArray[np.float64]
"""One model's answers on one set: (examples, statistics)."""
Answers = Callable[[Bank, str, int, np.random.Generator], Table]
"""Returns what the model k of a bank answers on a set."""
MARGIN, PROBABILITY, ACCURACY = (STATISTICS.index(name) for name in ("margin", "probability", "accuracy"))
UNTOUCHED, DESTROYED, LOWER_BY, OVERSHOT, KEPT = 0.1, 0.08, 2.0, 0.5, 0.4
WRONG: Final = -8.0
"""Log-odds of a destroyed answer."""


@dataclass(frozen=True)
class Subject:
    """Models that a job presents as unlearned, and the outcome that they deserve."""

    name: str
    deserves: Literal["passed", "failed", "not passed"]
    answers: Answers
    shipped: Answers | None = None
    """What the shipped model answers, if it is not like the others."""
    paired_only: bool = False


def as_group(group: str) -> Answers:
    """Answer as the models of a group of the bank do."""
    return lambda bank, name, k, _rng: _copy(bank, group, name, k)


def partly_untouched(bank: Bank, name: str, k: int, rng: np.random.Generator) -> Table:
    """Leave some of the forget examples as the original has them."""
    table = _copy(bank, "retrained", name, k)
    if name == "forget":
        chosen = _chosen(len(table), UNTOUCHED, rng)
        table[chosen] = bank.rows["original", name][k][chosen]
    return table


def partly_kept(bank: Bank, name: str, k: int, _rng: np.random.Generator) -> Table:
    """Answer on the forget set from between the own pair and the original."""
    pair = _copy(bank, "pair", name, k)
    return pair + KEPT * (bank.rows["original", name][k] - pair) if name == "forget" else pair


def partly_destroyed(bank: Bank, name: str, k: int, rng: np.random.Generator) -> Table:
    """Get some of the retained examples wrong."""
    table = _copy(bank, "retrained", name, k)
    if name == "retain":
        chosen = _chosen(len(table), DESTROYED, rng)
        table[chosen, MARGIN], table[chosen, PROBABILITY] = WRONG, _probability(np.array(WRONG))
        table[chosen, ACCURACY] = 0.0
    return table


def lower_on_held_out(bank: Bank, name: str, k: int, _rng: np.random.Generator) -> Table:
    """Lower all held-out examples by two log-odds."""
    table = _copy(bank, "retrained", name, k)
    if name == "held_out":
        odds = table[:, PROBABILITY].clip(1e-7, 1 - 1e-7)
        table[:, PROBABILITY] = _probability(np.log(odds / (1 - odds)) - LOWER_BY)
        table[:, MARGIN] -= LOWER_BY
    return table


def overshot(bank: Bank, name: str, k: int, _rng: np.random.Generator) -> Table:
    """Lower the forget set by half of the bank's gap, below what retraining gives."""
    table = _copy(bank, "retrained", name, k)
    if name == "forget":
        gap = bank.rows["original", name][..., MARGIN].mean() - bank.rows["oracle", name][..., MARGIN].mean()
        table[:, MARGIN] -= OVERSHOT * gap
    return table


SUBJECTS: Final = (
    Subject("the models as they would have been (own pairs)", "passed", as_group("pair"), paired_only=True),
    Subject("ordinary retraining, same seeds", "passed", as_group("retrained")),
    Subject("nothing was done", "not passed", as_group("original")),
    Subject("only the replicates were unlearned", "not passed", as_group("retrained"), shipped=as_group("original")),
    Subject("the shipped model keeps 40 % of the gap", "failed", as_group("pair"), shipped=partly_kept, paired_only=True),
    Subject("a tenth of the forget examples untouched", "failed", partly_untouched),
    Subject("8 % of the retain examples destroyed", "failed", partly_destroyed),
    Subject("all held-out examples 2 log-odds lower", "failed", lower_on_held_out),
    Subject("overshot by half a gap", "failed", overshot),
)


def _copy(bank: Bank, group: str, name: str, k: int) -> Table:
    return np.array(bank.rows[group, name][k])


def _chosen(examples: int, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the same examples for every model of a job: each is asked with a fresh generator of the job's seed."""
    return rng.choice(examples, max(1, round(share * examples)), replace=False)


def _probability(log_odds: Table) -> Table:
    return np.asarray(1 / (1 + np.exp(-log_odds)))
