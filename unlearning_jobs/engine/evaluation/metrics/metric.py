"""The interface of a metric, and its simplest kind: a mean over the examples of a set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs


class Metric(ABC):
    """Computes a number for the unlearned production model, and the same for the original and the oracles."""

    name: ClassVar[str]
    fewest_models: ClassVar[int] = 1
    """Smallest number of unlearned models, and of oracles, for which there is a finding."""
    against_oracles: ClassVar[bool] = False
    """Whether its value is a comparison with oracles, so that there is none without them."""

    @abstractmethod
    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        """Yield one finding for each set that the metric applies to; none if its inputs do not exist."""


class ModelMetric(Metric):
    """Computes its value from the outputs of one model."""

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        for name in outputs.ids:
            if self.applies(outputs, name):
                yield MetricFinding(
                    self.name,
                    name,
                    unlearned=self.value(outputs, outputs.models("unlearned")[0], name),
                    original=self.value(outputs, outputs.models("original")[0], name),
                    oracles=tuple(self.value(outputs, oracle, name) for oracle in outputs.models("oracle")),
                    note=self.note(outputs, name),
                )

    @abstractmethod
    def applies(self, outputs: Outputs, name: str) -> bool:
        """Return whether the metric exists on this set."""

    @abstractmethod
    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        """Compute the metric of one model on one set."""

    def note(self, outputs: Outputs, name: str) -> str:  # noqa: ARG002  # for subclasses that have something to say
        """Return what a reader needs to know about this finding."""
        return ""


class MeanMetric(ModelMetric):
    """Averages a statistic over the examples of a set that have it."""

    statistic: ClassVar[str]

    def applies(self, outputs: Outputs, name: str) -> bool:
        return exists(outputs, name, self.statistic)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return float(np.nanmean(outputs.vector(model, name, self.statistic)))


def exists(outputs: Outputs, name: str, statistic: str) -> bool:
    """Return whether any example of the set has the statistic."""
    return name in outputs.ids and not bool(np.isnan(outputs.vector(outputs.models("unlearned")[0], name, statistic)).all())


def truth_ratio_share(ratios: Array) -> float:
    """Return TOFU's truth ratio for sets that should be known: mean of max(0, 1 - R) over the examples that have one."""
    return float(np.nanmean(np.where(np.isnan(ratios), np.nan, np.maximum(0, 1 - ratios))))
