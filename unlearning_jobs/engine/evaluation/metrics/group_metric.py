"""Metrics of a method rather than of a model: how far a group of models is from the oracles, example by example."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, Group, Outputs

from .metric import Metric

SETS = ("forget", "retain", "held_out")
SPLITS = 5
SPLIT_SEED = 0


class GroupMetric(Metric):
    """A number from the margins of two groups of models.

    Such numbers fall with the number of models, so that all values are of groups of equal size: as many as there are
    unlearned models, and at most half of the oracles. One half of the oracles is the reference; against it the unlearned
    models are compared, the originals (what doing nothing gives), and the other half of the oracles (the noise floor).
    Five splits, drawn once and for all, are averaged; the floor of each is kept.

    There is no finding where a group has fewer than `fewest_models`. Where half of the oracles are fewer, all models are
    compared with all oracles, and there is no floor.
    """

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        for name in SETS:
            unlearned, original, oracles = (margins(outputs, g, name) for g in ("unlearned", "original", "oracle"))
            if min(len(unlearned), len(original), len(oracles)) < self.fewest_models:
                continue
            comparisons = make_comparisons(unlearned, original, oracles)
            has_floor = len(comparisons[0].reference) >= self.fewest_models
            if not has_floor:
                comparisons = [Comparison(unlearned, original, oracles[:0], oracles)]
            yield MetricFinding(
                self.name,
                name,
                unlearned=float(
                    np.mean([self.value(comparison.unlearned, comparison.reference) for comparison in comparisons])
                ),
                original=float(
                    np.mean([self.value(comparison.original, comparison.reference) for comparison in comparisons])
                ),
                oracles=tuple(
                    self.value(comparison.oracles, comparison.reference) for comparison in comparisons if has_floor
                ),
                note=" ".join([_numbers(comparisons[0], has_floor=has_floor), *self.remarks()]),
            )

    @abstractmethod
    def value(self, group: Array, oracles: Array) -> float:
        """From margins (m, examples) and (n, examples)."""

    def remarks(self) -> tuple[str, ...]:
        """Sentences that a reader needs with any finding."""
        return ()


@dataclass(frozen=True)
class Comparison:
    """Groups of margins (models, examples) to compare with the reference, which are other oracles."""

    unlearned: Array
    original: Array
    oracles: Array
    reference: Array


def make_comparisons(unlearned: Array, original: Array, oracles: Array) -> list[Comparison]:
    """Five ways to halve the oracles, the same ones every time, with groups of equal size."""
    rng = np.random.default_rng(SPLIT_SEED)
    size = min(len(unlearned), len(original), len(oracles) // 2)

    def some(group: Array) -> Array:
        return group[rng.permutation(len(group))]

    comparisons = []
    for _ in range(SPLITS):
        mixed = some(oracles)
        others = mixed[size : 2 * size], mixed[:size]
        comparisons.append(Comparison(some(unlearned)[:size], some(original)[:size], *others))
    return comparisons


def margins(outputs: Outputs, group: Group, name: str) -> Array:
    """A group's margins on a set (models, examples); without models where the set does not exist."""
    return outputs.matrix(group, name, "margin") if name in outputs.ids else np.empty((0, 0))


def _numbers(comparison: Comparison, *, has_floor: bool) -> str:
    if has_floor:
        return f"All values are of {len(comparison.reference)} models a side, averaged over {SPLITS} splits of the oracles."
    counted = f"{len(comparison.unlearned)} models against {len(comparison.reference)} oracles."
    return f"{counted} No noise floor: too few oracles to halve them."
