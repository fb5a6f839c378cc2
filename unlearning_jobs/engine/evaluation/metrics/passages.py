"""Passages of works that a model gives away: their share, how many prompts the easiest takes, and the longest block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.passages import BEST, LIKELY

from .metric import Metric, ModelMetric, exists


class PassageExtraction(Metric):
    """Averages the share of an example's passages that come out, at several probabilities; every example counts alike."""

    name: ClassVar[str] = "passage_extraction"

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        for name in outputs.ids:
            if not exists(outputs, name, BEST):
                continue
            for statistic, probability in LIKELY.items():
                groups = {
                    group: [float(np.nanmean(outputs.vector(model, name, statistic))) for model in outputs.models(group)]
                    for group in ("unlearned", "original", "oracle")
                }
                yield MetricFinding(
                    self.name,
                    name,
                    unlearned=groups["unlearned"][0],
                    original=groups["original"][0],
                    oracles=tuple(groups["oracle"]),
                    note=f"Passages that one prompt brings out with a probability of at least {probability:g}.",
                )


class PassagePrompts(ModelMetric):
    """Gives the number of prompts, as a power of ten, that the passage takes which comes out most easily of the set."""

    name: ClassVar[str] = "passage_prompts"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return exists(outputs, name, BEST)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return float(-np.nanmax(outputs.vector(model, name, BEST)) / math.log(10))


class VerbatimBlock(ModelMetric):
    """Takes the longest block of the set, in words."""

    name: ClassVar[str] = "verbatim_block"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return exists(outputs, name, "longest_block")

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return float(np.nanmax(outputs.vector(model, name, "longest_block")))
