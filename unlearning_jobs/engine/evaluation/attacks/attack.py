"""The interface of an attack, and what it is given."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final, cast

import numpy as np

from unlearning_jobs.engine.catalogue.attack_needs import attackers_examples
from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Dataset, Family
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import Scores, score

if TYPE_CHECKING:
    from unlearning_jobs.engine.families.language import LanguageFamily, Sequences

Columns = Mapping[str, Sequence[float]]
"""A number for each example of a set, in order, by statistic; NaN where there is none."""

FORGET: Final = "forget"
HELD_OUT: Final = "held_out"


@dataclass
class Target:
    """A model to attack, and the examples of its evaluation. Each set is encoded and scored once."""

    model: TrainedModel
    sets: Mapping[str, Sequence[Example]]
    recipe: Recipe
    protocol: Protocol

    def __post_init__(self) -> None:
        self._data: dict[str, Dataset] = {}
        self._scores: dict[str, list[Scores]] = {}

    def data(self, name: str) -> Dataset:
        """Return the encoded examples of a set."""
        if name not in self._data:
            self._data[name] = self.model.family.encode(self.sets[name])
        return self._data[name]

    def sequences(self, name: str) -> Sequences:
        """Return the encoded examples of a set, for families that answer in texts."""
        return cast("Sequences", self.data(name))

    def scores(self, name: str) -> list[Scores]:
        """Return the model's scores on a set, without any attack."""
        if name not in self._scores:
            self._scores[name] = score(self.model, self.data(name))
        return self._scores[name]

    @cached_property
    def known(self) -> list[int]:
        """The positions of the forget examples that an attacker has who knows some, the same for every model."""
        return attacked_with(len(self.sets[FORGET]), self.protocol.sample_seed)


class Attack(ABC):
    """Tries to bring out of a model what it should not know. One instance is for all models of one evaluation."""

    name: ClassVar[str]
    """The key of its entry in the catalogue, which says what families it works on and what it costs."""

    def obstacles(self, family: Family, forget: Sequence[Example]) -> list[str]:  # noqa: ARG002  # for subclasses
        """Say why it cannot be carried out, where only the tokens of the examples to forget tell."""
        return []

    def prepare(self, original: Target) -> None:  # noqa: B027  # most make no choices
        """Make the choices that are the same for all models, by the original; it is attacked first."""

    @abstractmethod
    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        """Attack a model, which stays as it was, and return what it gives away: statistics by set."""


def attacked_with(examples: int, seed: int) -> list[int]:
    """Return the positions of the forget examples that the attacker has, drawn with the protocol's seed."""
    return sorted(np.random.default_rng(seed).choice(examples, attackers_examples(examples), replace=False).tolist())


def mean_log_probabilities(scores: Sequence[Scores]) -> list[float]:
    """Return the mean log-probability of each example's answers, end-of-text included."""
    return [float(one.log_probability.mean()) for one in scores]


def at(positions: Sequence[int], values: Sequence[float], size: int) -> list[float]:
    """Put the values at their positions among `size` examples; the others are NaN."""
    placed = [math.nan] * size
    for position, value in zip(positions, values, strict=True):
        placed[position] = value
    return placed


def language(family: Family) -> LanguageFamily:
    """Return the family as one that answers in texts, which the catalogue asks of the models of an attack."""
    return cast("LanguageFamily", family)
