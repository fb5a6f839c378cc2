"""What a sample of examples that a search had not found says about all of them: bounds that hold wherever they are computed.

The bound is exact (Clopper and Pearson 1934). It is worked out in decimals, of which every digit is defined, so that whoever
verifies a record finds the very number that was written into it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Final, Literal

CONFIDENCE: Final = 0.95
Group = Literal["part_of_name", "rest"]
GROUPS: Final[tuple[Group, Group]] = ("part_of_name", "rest")
"""Examples that hold a part of the name, and all others."""
DIGITS: Final = 28
HALVINGS: Final = 64


@lru_cache(maxsize=4_096)
def upper_share(looked_at: int, missed: int, confidence: float) -> Decimal:
    """Return the upper end of the exact one-sided interval for a share (Clopper and Pearson 1934)."""
    if missed >= looked_at:
        return Decimal(1)
    with localcontext(prec=DIGITS):
        allowed = 1 - Decimal(str(confidence))
        low, high = Decimal(0), Decimal(1)
        for _ in range(HALVINGS):
            share = (low + high) / 2
            low, high = (share, high) if _at_most(looked_at, missed, share) > allowed else (low, share)
        return high


def _at_most(looked_at: int, missed: int, share: Decimal) -> Decimal:
    """Return the probability to meet at most so many among those looked at, if this share of all is missed."""
    chance = (1 - share) ** looked_at
    total = chance
    for count in range(missed):
        chance *= share / (1 - share) * (looked_at - count) / (count + 1)
        total += chance
    return total


def group_at_most(population: int, looked_at: int, missed: int, confidence: float) -> int:
    """Return how many of a group can be missed at most, those that were looked at included."""
    if not looked_at:
        return population
    share = upper_share(looked_at, missed, confidence)
    return min(population - looked_at + missed, max(missed, int(share * population)))


def all_at_most(groups: Iterable[tuple[int, int, int]], confidence: float = CONFIDENCE) -> int:
    """Return how many can be missed at most in all groups: of each, its population, how many were looked at, and missed.

    Each group has its share of the error.
    """
    of_groups = list(groups)
    each = group_confidence(len(of_groups), confidence)
    return sum(group_at_most(population, looked_at, missed, each) for population, looked_at, missed in of_groups)


def group_confidence(groups: int, confidence: float = CONFIDENCE) -> float:
    """Return the confidence that each of several groups must have, so that all bounds hold together with this one."""
    return 1 - (1 - confidence) / groups
