"""A name that was found in a text, and what each rule by which it was takes off its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .words import Likeness

OPEN: Final = frozenset({"initial", "title", "middle_name", "order"})
"""Rules that leave open whose name it is."""
INITIAL: Final = Likeness(0.6, ("initial",))
RULED: Final = {
    rule: Likeness(score, (rule,))
    for rule, score in {
        "middle_name": 0.8,
        "middle_left_out": 0.9,
        "order": 0.9,
        "column": 0.8,
        "markup": 0.95,
        "particle": 0.9,
        "half_name": 0.8,
    }.items()
}
"""What each rule about the words between the parts takes off the score."""


@dataclass(frozen=True)
class Found:
    """The words from `first` to `last` are the name."""

    first: int
    last: int
    score: float
    because: tuple[str, ...]
