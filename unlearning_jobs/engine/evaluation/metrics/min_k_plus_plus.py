"""Min-K%++ membership inference (Zhang et al. 2024), forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from .membership import MembershipAttack


class MinKPlusPlus(MembershipAttack):
    """Compares the mean of the lowest 40 % of token log-probabilities, each standardised by the model's own distribution."""

    name: ClassVar[str] = "min_k_plus_plus"
    statistic: ClassVar[str] = "min_k_plus_plus"
