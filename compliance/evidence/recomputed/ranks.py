"""How well two groups of models are told apart by an example's margin, examples by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from .models import Models, Vector
from .student import RESOLUTION

CHANCE = 0.5


def separation(first: Sequence[Vector], second: Sequence[Vector]) -> list[float]:
    """Return, for every example, the probability that a model of the first group lies above one of the second."""
    columns = zip(zip(*first, strict=True), zip(*second, strict=True), strict=True)
    return [_above(one, other) for one, other in columns]


def apart(first: Sequence[Vector], second: Sequence[Vector]) -> float:
    """Return the mean distance of these probabilities from 1/2."""
    return fmean(abs(one - CHANCE) for one in separation(first, second))


def of_set(models: Models, name: str) -> float:
    """Return how far the unlearned models and the oracles are apart on a set."""
    return apart(models.matrix("unlearned", name, "margin"), models.matrix("oracle", name, "margin"))


def of_control(models: Models, name: str) -> float:
    """Return how far the groups that a control compares are apart on the forget set."""
    oracles = [models.vector(key, "forget", "margin") for key in models.order if key[0] == "oracle"]
    if name == "oracle_against_oracle":
        return apart(oracles[::2], oracles[1::2])
    if name == "do_nothing":
        return apart(models.matrix("original", "forget", "margin"), oracles)
    if name == "declared_against_replicates":
        originals = models.matrix("original", "forget", "margin")
        return apart(originals[:1], originals[1:])
    seeds = {seed for _, seed in models.of("unlearned")}
    others = [models.vector(key, "forget", "margin") for key in models.of("oracle") if key[1] not in seeds]
    return apart(models.pairs("forget", "margin"), others)


def _above(first: Sequence[float], second: Sequence[float]) -> float:
    """Count pairs; margins that differ by rounding only are level, and so are those between which only such ones lie."""
    ascending, level = sorted([*first, *second]), 0
    levels = {ascending[0]: 0}
    for before, after in pairwise(ascending):
        level += abs(after - before) > RESOLUTION + RESOLUTION * abs(before)
        levels[after] = level
    wins = sum((levels[a] > levels[b]) + (levels[a] == levels[b]) / 2 for a in first for b in second)
    return wins / (len(first) * len(second))
