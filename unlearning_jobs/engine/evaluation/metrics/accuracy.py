"""Share of the examples whose class the model ranks first."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class Accuracy(MeanMetric):
    """Averages the statistic over the examples of each set."""

    name: ClassVar[str] = "accuracy"
    statistic: ClassVar[str] = "accuracy"
