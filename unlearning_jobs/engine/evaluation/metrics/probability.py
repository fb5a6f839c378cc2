"""Geometric mean of the answer tokens' probabilities (TOFU)."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class Probability(MeanMetric):
    """Averages the statistic over the examples of each set."""

    name: ClassVar[str] = "probability"
    statistic: ClassVar[str] = "probability"
