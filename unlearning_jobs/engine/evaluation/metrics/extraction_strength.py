"""Share of the answer extractable from its shortest sufficient prefix (Carlini et al. 2021; OpenUnlearning)."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class ExtractionStrength(MeanMetric):
    """Averages the statistic over the examples of each set."""

    name: ClassVar[str] = "extraction_strength"
    statistic: ClassVar[str] = "extraction_strength"
