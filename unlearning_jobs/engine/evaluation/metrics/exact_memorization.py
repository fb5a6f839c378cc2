"""Share of answer tokens ranked first under teacher forcing, without end-of-text (OpenUnlearning)."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class ExactMemorization(MeanMetric):
    """Averages the statistic over the examples of each set."""

    name: ClassVar[str] = "exact_memorization"
    statistic: ClassVar[str] = "exact_memorization"
