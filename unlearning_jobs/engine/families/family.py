"""What differs between kinds of models: how examples become tensors, and what a network says about them.

A classifier is treated as a language model whose answer is one token long: its classes are the vocabulary. Training,
scoring and unlearning therefore know `Predictions` alone, and are written once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot, SnapshotInfo


@dataclass(frozen=True)
class Batch:
    """Examples as a network reads them: `inputs` (batch, ...) and `labels`, of a shape that is the family's own."""

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Predictions:
    """What a network says at every place where there is a right answer: a class, or a token of a text.

    The answers of one example follow one another.
    """

    logits: Tensor
    """(answers, classes), float32"""
    labels: Tensor
    """(answers,), the right ones"""
    rows: Tensor
    """(answers,), the example of the batch that each belongs to"""


class Dataset(ABC):
    """Examples in the order given, encoded."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abstractmethod
    def batch(self, positions: Sequence[int], device: torch.device) -> Batch:
        """These examples, in this order."""

    @abstractmethod
    def subset(self, positions: Sequence[int]) -> Self:
        """These examples alone; nothing is encoded again."""

    @abstractmethod
    def epoch(self, batch_size: int, generator: torch.Generator) -> list[list[int]]:
        """Positions of every example once, in batches, in an order drawn from the generator."""

    @abstractmethod
    def sweep(self, batch_size: int) -> list[list[int]]:
        """Positions of every example once, in batches that are quick to evaluate."""


@dataclass(frozen=True)
class Footprint:
    """How large a model is, before it exists."""

    parameters: int
    activations: int
    """Numbers kept for the backward pass of one batch, roughly."""


class Family(ABC):
    """One kind of model, as a recipe and a snapshot fix it."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> Self:
        """The family for this recipe and snapshot.

        Raises:
            CorpusError: the snapshot is of another kind of data.
            SpecError: the recipe names what does not exist.
        """

    @classmethod
    @abstractmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """How large the recipe's model will be.

        Raises:
            as `create`.
        """

    @abstractmethod
    def build(self, seed: int) -> nn.Module:
        """A freshly initialised network on the CPU. The seed decides every weight."""

    @abstractmethod
    def encode(self, examples: Iterable[Example]) -> Dataset:
        """The examples as tensors.

        Raises:
            CorpusError: an example cannot be read by this model; nothing is cut or left out silently.
        """

    def fit(self, network: nn.Module, data: Dataset, secret: Callable[[], int]) -> bool:  # noqa: ARG002  # for families that learn at once
        """Learn without gradient steps, in place, and return True; False for families that learn by them.

        `secret` gives the seed of noise that nobody may guess (`TrainingData.secret_seed`).
        """
        return False

    @abstractmethod
    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        """What the network says."""

    @abstractmethod
    def likeness(self, a: Example, b: Example) -> float:
        """How alike two examples are before anything is answered, from 0 to 1."""

    @abstractmethod
    def length(self, example: Example) -> int:
        """How much there is to answer, in units that do not depend on what the model was trained on."""

    @abstractmethod
    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        """What has to be kept of the network."""

    @abstractmethod
    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Write what `read` needs beside the weights; what fits into JSON is returned instead, for `lethe.json`."""

    @classmethod
    @abstractmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[Self, nn.Module]:
        """The family and a network without its weights, from the folder and what `save` returned."""
