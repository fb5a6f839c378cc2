"""ROUGE-L recall of the greedy answer, stemmed (TOFU)."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class RougeL(MeanMetric):
    """Averages the statistic over the examples of each set."""

    name: ClassVar[str] = "rouge_l"
    statistic: ClassVar[str] = "rouge_l"
