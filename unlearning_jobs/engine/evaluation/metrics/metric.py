"""What a metric does, and the simplest kind: a mean over the examples of a set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs


class Metric(ABC):
    """A number for the unlearned production model, beside the original's and the oracles'."""

    name: ClassVar[str]
    fewest_models: ClassVar[int] = 1
    """Unlearned models, and oracles, without which there is no finding."""

    @abstractmethod
    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        """One finding per set it applies to; none where its inputs do not exist."""


class ModelMetric(Metric):
    """A metric that is a function of one model's outputs."""

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
        """Whether the metric exists on this set."""

    @abstractmethod
    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        """The metric of one model on one set."""

    def note(self, outputs: Outputs, name: str) -> str:  # noqa: ARG002  # for subclasses that have something to say
        """What a reader has to know about this finding."""
        return ""


class MeanMetric(ModelMetric):
    """The mean of a statistic over the examples of a set that have it."""

    statistic: ClassVar[str]

    def applies(self, outputs: Outputs, name: str) -> bool:
        return exists(outputs, name, self.statistic)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return float(np.nanmean(outputs.one(model, name, self.statistic)))


def exists(outputs: Outputs, name: str, statistic: str) -> bool:
    """Whether any example of the set has the statistic."""
    return name in outputs.ids and not bool(np.isnan(outputs.one(outputs.models("unlearned")[0], name, statistic)).all())


def truth_ratio_share(ratios: Array) -> float:
    """TOFU's truth ratio of sets that should be known: mean of max(0, 1 - R) over the examples that have one."""
    return float(np.nanmean(np.where(np.isnan(ratios), np.nan, np.maximum(0, 1 - ratios))))
