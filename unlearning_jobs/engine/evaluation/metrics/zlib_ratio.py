"""Likelihood by compressed length (Carlini et al. 2021), forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from .membership import MembershipAttack


class ZlibRatio(MembershipAttack):
    """Compares the log-likelihood per token, divided by the bytes that zlib needs for the answer.

    What is likely because it repeats itself compresses well, and so counts less.
    """

    name: ClassVar[str] = "zlib_ratio"
    statistic: ClassVar[str] = "zlib_ratio"
