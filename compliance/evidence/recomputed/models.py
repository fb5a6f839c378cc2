"""The numbers of the models of an evaluation: vectors over examples, one for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Self

Vector = Sequence[float]
"""One number for each example of a set."""
Key = tuple[str, int]
"""Group and seed of a model."""


@dataclass(frozen=True)
class Models:
    """The models of an evaluation in order, each group's production model first."""

    values: Mapping[tuple[Key, str, str], Vector]
    """By model, set and statistic."""
    order: tuple[Key, ...]
    seed: int
    """Of the production model."""

    def of(self, group: str) -> list[Key]:
        """Return the models of a group, the production model first."""
        return sorted((key for key in self.order if key[0] == group), key=lambda key: key[1] != self.seed)

    def vector(self, key: Key, name: str, statistic: str) -> Vector:
        """Return a model's statistic for every example of a set (KeyError if it was not measured)."""
        return self.values[key, name, statistic]

    def matrix(self, group: str, name: str, statistic: str) -> list[Vector]:
        """Return a statistic of all models of a group."""
        return [self.vector(key, name, statistic) for key in self.of(group)]

    def pairs(self, name: str, statistic: str) -> list[Vector]:
        """Return the statistic of the unlearned models' own oracles; none unless every one has its own."""
        own = [("oracle", seed) for _, seed in self.of("unlearned")]
        return [self.vector(key, name, statistic) for key in own] if set(own) <= set(self.order) else []

    def compared(self, name: str, statistic: str) -> tuple[list[Vector], bool]:
        """Return the oracles that the method is compared with, and whether they are pairs."""
        pairs = self.pairs(name, statistic)
        return (pairs, True) if len(pairs) > 1 else (self.matrix("oracle", name, statistic), False)

    def unlearned_by_nothing(self) -> Self:
        """Return the models as if the originals had been unlearned by doing nothing."""
        values = {key: value for key, value in self.values.items() if key[0][0] != "unlearned"}
        values |= {
            (("unlearned", seed), name, statistic): value
            for ((group, seed), name, statistic), value in self.values.items()
            if group == "original"
        }
        return replace(self, values=values)


def means(matrix: Sequence[Vector]) -> list[float]:
    """Return each model's mean over the examples."""
    return [fmean(vector) for vector in matrix]


def centre(matrix: Sequence[Vector]) -> list[float]:
    """Return each example's mean over the models."""
    return [fmean(column) for column in zip(*matrix, strict=True)]


def leave_one_out(matrix: Sequence[Vector]) -> list[list[float]]:
    """Return, for each model, the mean of the others on every example."""
    totals = [sum(column) for column in zip(*matrix, strict=True)]
    return [[(total - value) / (len(matrix) - 1) for total, value in zip(totals, vector, strict=True)] for vector in matrix]


def distance(first: Vector, second: Vector) -> float:
    """Return the mean absolute difference over the examples."""
    return fmean(abs(a - b) for a, b in zip(first, second, strict=True))


def minus(first: Vector, second: Vector, share: float = 1.0) -> list[float]:
    """Return the first vector less a share of the second."""
    return [a - share * b for a, b in zip(first, second, strict=True)]
