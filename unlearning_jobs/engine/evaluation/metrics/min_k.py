"""Min-K% membership inference (Shi et al. 2024), forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from .membership import MembershipAttack


class MinK(MembershipAttack):
    """Compares the mean of the lowest 40 % of token log-probabilities."""

    name: ClassVar[str] = "min_k"
    statistic: ClassVar[str] = "min_k"
