"""What a method guarantees, and what a protocol may conclude. These words are in signed statements and never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from .contracts import Contract

Guarantee = Literal["exact", "certified", "empirical", "suppression", "control"]
"""exact: the result never saw the examples. certified: a stated bound holds. empirical: only the evaluation says how close
it came. suppression: the weights are unchanged. control: no unlearning; its verdict is known beforehand."""
Outcome = Literal["passed", "failed", "inconclusive", "no_influence"]
"""no_influence: doing nothing could not be told from retraining; nothing is said about the method."""
Direction = Literal["undershot", "overshot"]
"""undershot: the examples are still better known than to retrained models. overshot: they are known less well."""

GUARANTEES: Final[tuple[Guarantee, ...]] = get_args(Guarantee)
"""Strongest first."""


@dataclass(frozen=True)
class Reason(Contract):
    """Why the verdict is what it is: a code for translation, and an English sentence."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Verdict(Contract):
    """What the protocol concludes from the measurements, and from nothing else."""

    outcome: Outcome
    direction: Direction | None
    reasons: tuple[Reason, ...]
