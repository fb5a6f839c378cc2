"""Metrics of a method rather than a model: how far a group of models is from the oracles, example by example."""

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
    """Compares two groups of models by their margins.

    Such metrics depend on the number of models, so all groups have the same size: the number of unlearned models, but at
    most half of the oracles. One half of the oracles is the reference. It is compared with the unlearned models, with the
    originals (what doing nothing gives), and with the other half of the oracles (the noise floor). Values are averaged
    over five fixed random splits; the floor of each split is kept.

    There is no finding if a group has fewer than `fewest_models`. If half of the oracles are fewer than that, all models
    are compared with all oracles, and there is no floor.
    """

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        for name in SETS:
            unlearned, original, oracles = (margins(outputs, g, name) for g in ("unlearned", "original", "oracle"))
            if min(len(unlearned), len(original), len(oracles)) < self.fewest_models:
                continue
            splits = oracle_splits(unlearned, original, oracles)
            has_floor = len(splits[0].reference) >= self.fewest_models
            if not has_floor:
                splits = [OracleSplit(unlearned, original, oracles[:0], oracles)]
            yield MetricFinding(
                self.name,
                name,
                unlearned=float(np.mean([self.value(split.unlearned, split.reference) for split in splits])),
                original=float(np.mean([self.value(split.original, split.reference) for split in splits])),
                oracles=tuple(self.value(split.oracles, split.reference) for split in splits if has_floor),
                note=" ".join([_numbers(splits[0], has_floor=has_floor), *self.remarks()]),
            )

    @abstractmethod
    def value(self, group: Array, oracles: Array) -> float:
        """Compute the metric from margins (m, examples) and (n, examples)."""

    def remarks(self) -> tuple[str, ...]:
        """Return sentences that a reader needs with every finding."""
        return ()


@dataclass(frozen=True)
class OracleSplit:
    """Margins (models, examples) of three groups, and of the reference that they are compared with: other oracles."""

    unlearned: Array
    original: Array
    oracles: Array
    reference: Array


def oracle_splits(unlearned: Array, original: Array, oracles: Array) -> list[OracleSplit]:
    """Halve the oracles in five ways, the same ones every time, and cut all groups to the same size."""
    rng = np.random.default_rng(SPLIT_SEED)
    size = min(len(unlearned), len(original), len(oracles) // 2)

    def shuffled(group: Array) -> Array:
        return group[rng.permutation(len(group))]

    splits = []
    for _ in range(SPLITS):
        mixed = shuffled(oracles)
        halves = mixed[size : 2 * size], mixed[:size]
        splits.append(OracleSplit(shuffled(unlearned)[:size], shuffled(original)[:size], *halves))
    return splits


def margins(outputs: Outputs, group: Group, name: str) -> Array:
    """Return a group's margins on a set (models, examples); an empty array if the set does not exist."""
    return outputs.matrix(group, name, "margin") if name in outputs.ids else np.empty((0, 0))


def _numbers(split: OracleSplit, *, has_floor: bool) -> str:
    if has_floor:
        return f"All values compare {len(split.reference)} models a side, averaged over {SPLITS} splits of the oracles."
    sizes = f"{len(split.unlearned)} models against {len(split.reference)} oracles."
    return f"{sizes} No noise floor: there are too few oracles to halve."
