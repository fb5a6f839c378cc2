"""Metrics of a method rather than of a model: how far a group of models is from the oracles, example by example."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, Group, Outputs

from .metric import Metric

SETS = ("forget", "retain", "held_out")
SPLITS = 5
SPLIT_SEED = 0


class GroupMetric(Metric):
    """A number from the margins of two groups of models.

    `unlearned` compares the unlearned models with the oracles, and `original` what doing nothing gives. `oracles` has the
    noise floor: halves of the oracles against one another, for five ways to halve them. There is no finding where a group
    has fewer than `fewest_models`, and no floor where half of the oracles are fewer.
    """

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        for name in SETS:
            unlearned, original, oracles = (margins(outputs, g, name) for g in ("unlearned", "original", "oracle"))
            if min(len(unlearned), len(original), len(oracles)) < self.fewest_models:
                continue
            halves = split_in_halves(oracles) if len(oracles) // 2 >= self.fewest_models else []
            yield MetricFinding(
                self.name,
                name,
                unlearned=self.value(unlearned, oracles),
                original=self.value(original, oracles),
                oracles=tuple(self.value(first, second) for first, second in halves),
                note=" ".join([_numbers(len(unlearned), len(oracles), floor=bool(halves)), *self.remarks()]),
            )

    @abstractmethod
    def value(self, group: Array, oracles: Array) -> float:
        """From margins (m, examples) and (n, examples)."""

    def remarks(self) -> tuple[str, ...]:
        """Sentences that a reader needs with any finding."""
        return ()


def margins(outputs: Outputs, group: Group, name: str) -> Array:
    """A group's margins on a set (models, examples); without models where the set does not exist."""
    return outputs.matrix(group, name, "margin") if name in outputs.ids else np.empty((0, 0))


def split_in_halves(oracles: Array) -> list[tuple[Array, Array]]:
    """Five ways to halve the oracles, the same ones every time; an odd one is left out."""
    rng, half = np.random.default_rng(SPLIT_SEED), len(oracles) // 2
    orders = (rng.permutation(len(oracles)) for _ in range(SPLITS))
    return [(oracles[order[:half]], oracles[order[half : 2 * half]]) for order in orders]


def _numbers(models: int, oracles: int, *, floor: bool) -> str:
    counted = f"{models} models against {oracles} oracles."
    if not floor:
        return f"{counted} No noise floor: too few oracles to halve them."
    half = oracles // 2
    return f"{counted} Oracles against oracles: {half} against {half}, so that this floor lies higher than with all of them."
