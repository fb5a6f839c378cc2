"""How a protocol asks for attacks: by their names, and for relearning by its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_RELEARNING: Final = 1000
RELEARNING: Final = "relearning"
"""The attack that has steps, and so a field of its own."""


def named_problems(attacks: Sequence[str], relearning: int) -> list[str]:
    """Return the reasons why attacks cannot be asked for like this, in sentences; empty if they can.

    Args:
        attacks: the names of all attacks but relearning.
        relearning: its steps; 0 for none.
    """
    problems = []
    if not 0 <= relearning <= MOST_RELEARNING:
        problems.append(f"Models are attacked for 0 to {MOST_RELEARNING} steps, not for {relearning}.")
    if RELEARNING in attacks:
        problems.append("Relearning is asked for by its steps (relearning), and not among the other attacks.")
    if len(set(attacks)) != len(attacks):
        problems.append("An attack is named twice; name it once.")
    return problems
