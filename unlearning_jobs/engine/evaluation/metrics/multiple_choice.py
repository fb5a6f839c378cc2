"""Accuracy in multiple choice, as of WMDP (Li et al. 2024) and MMLU (Hendrycks et al. 2021)."""

from __future__ import annotations

from typing import ClassVar

from .metric import MeanMetric


class MultipleChoice(MeanMetric):
    """Takes the share of the examples with wrong alternatives whose right answer is likelier than each of these."""

    name: ClassVar[str] = "multiple_choice"
    statistic: ClassVar[str] = "multiple_choice"
