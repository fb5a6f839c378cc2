"""Verbatim memorisation (MUSE's VerbMem, Shi et al. 2024): ROUGE-L F1 of the greedy answer."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class Verbatim(MeanMetric):
    """Averages the statistic over the examples of each set."""

    name: ClassVar[str] = "verbatim"
    statistic: ClassVar[str] = "verbatim"
