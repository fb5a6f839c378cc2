"""What a test asks for that looks, within one model, for a difference between what it learned and what it never saw."""

from __future__ import annotations

from typing import Final

CLEAR: Final = 0.01
"""The original must show what it learned at this one-sided level; otherwise the test says nothing."""
ALPHA: Final = 0.05
"""Two-sided level of the test of canaries; that of held-out twins is the protocol's."""
CHANCE: Final = 0.5
"""In so many pairs, one of two exchangeable examples has the higher score."""
POWER: Final = 0.8
"""With which a difference must be found to be called the smallest that would have been."""
EXACT_UP_TO: Final = 10_000
"""Size of the smaller set times that of both: up to there all assignments are counted; beyond, they follow a normal law."""
MOST_PAIRED: Final = 200
"""Twins whose differences tell what would have been found."""
