"""What differs between families of models: how examples become tensors, and how a network's output becomes predictions.

A classifier is treated as a language model whose answers are one token long and whose vocabulary is its classes. Training,
scoring and unlearning therefore only need `Predictions`, and are written once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS, FamilyDescription
from unlearning_jobs.engine.contracts.sharding import Aggregation
from unlearning_jobs.engine.corpora import Example, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import SpecError

from .aggregation import aggregate

SCORED_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Batch:
    """Examples as a network reads them: `inputs` (batch, ...), and `labels`, whose shape is the family's own."""

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Predictions:
    """A network's logits wherever there is a right answer: a class, or a token of a text.

    The answers of one example stand next to each other.
    """

    logits: Tensor
    """(answers, classes), float32"""
    labels: Tensor
    """(answers,), the right answers"""
    example_index: Tensor
    """(answers,), the example of the batch that each answer belongs to"""


class Dataset(ABC):
    """Encoded examples, in a fixed order."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    def answers(self, positions: Sequence[int]) -> int:
        """Return how many answers these examples have: as many as `Predictions` of them."""
        return len(positions)

    def states(self, positions: Sequence[int]) -> int:
        """Return a number in proportion to the hidden states of these examples."""
        return self.answers(positions)

    @abstractmethod
    def batch(self, positions: Sequence[int], device: torch.device) -> Batch:
        """Return these examples, in this order."""

    @abstractmethod
    def subset(self, positions: Sequence[int]) -> Self:
        """Return a data set of only these examples; nothing is encoded again."""

    @abstractmethod
    def epoch(self, batch_size: int, generator: torch.Generator) -> list[list[int]]:
        """Return the positions of all examples in batches, in an order drawn from the generator."""

    def thinned_epoch(self, batch_size: int, generator: torch.Generator, kept: Collection[int]) -> list[list[int]]:
        """Return the kept examples in full batches, in the order in which `epoch` takes all of them."""
        order = [position for batch in self.epoch(batch_size, generator) for position in batch if position in kept]
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]

    @abstractmethod
    def sweep(self, batch_size: int) -> list[list[int]]:
        """Return the positions of all examples in batches that are quick to evaluate."""


def output_of(layer: nn.Module, forward: Callable[[], object]) -> Tensor:
    """Return what the layer puts out while `forward` runs, which passes it once; float32. Gradients flow through it.

    Of several outputs, as some layers of transformers have, it is the first: the states.
    """
    kept: list[Tensor] = []
    handle = layer.register_forward_hook(
        lambda _layer, _inputs, output: kept.append(output[0] if isinstance(output, tuple) else output)
    )
    try:
        forward()
    finally:
        handle.remove()
    [output] = kept
    return output.float()


@dataclass(frozen=True)
class Footprint:
    """The size of a model, known before it is built."""

    parameters: int
    activations: int
    """Numbers kept for the backward pass of one batch, estimated."""
    scoring: int = 0
    """Numbers that are in memory while a batch is scored, estimated; 0 where that is less than training keeps."""
    frozen: int = 0
    """How many of the parameters never change: they have no gradients, and copies of a model share them."""

    def times(self, networks: int) -> Footprint:
        """Return the size of this many such networks that answer together; they share what never changes."""
        learned = networks * (self.parameters - self.frozen)
        return Footprint(self.frozen + learned, networks * self.activations, networks * self.scoring, self.frozen)


class Family(ABC):
    """A family of models, for one recipe and snapshot."""

    name: ClassVar[str]
    """The key of its description in `contracts.families.FAMILY_DESCRIPTIONS`."""

    @property
    def description(self) -> FamilyDescription:
        """What the family can do."""
        return FAMILY_DESCRIPTIONS[self.name]

    @classmethod
    @abstractmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> Self:
        """Return the family for this recipe and snapshot.

        Raises:
            CorpusError: the snapshot holds another kind of data.
            SpecError: the recipe names something that does not exist.
        """

    @classmethod
    def from_base(cls, recipe: Recipe, snapshot: Snapshot, base: Path) -> Self:  # noqa: ARG003  # for subclasses
        """Return the family for this recipe and snapshot, whose models start from the checkpoint in the folder `base`.

        Raises:
            as `create`; SpecError also if it starts from none, or from another checkpoint.
        """
        message = f"A {cls.name} model starts from random weights; leave base out."
        raise SpecError(message)

    @property
    def scored_at_once(self) -> int:
        """How many examples are scored at once. It follows from the recipe, and not from the machine."""
        return SCORED_AT_ONCE

    @property
    def base(self) -> Path | None:
        """The folder of the checkpoint that its models start from; None if they start from random weights."""
        return None

    @property
    def adapts(self) -> bool:
        """Whether its models are adapters on a checkpoint, from which their weights follow."""
        return False

    @classmethod
    @abstractmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Return the size of the recipe's model.

        Raises:
            as `create`.
        """

    @abstractmethod
    def build(self, seed: int) -> nn.Module:
        """Return a freshly initialised network on the CPU. The seed decides every weight."""

    def skeleton(self) -> nn.Module:
        """Return a network without numbers in it, which takes no memory and shows its layers."""
        with torch.device("meta"):
            return self.build(0)

    def joined(self, networks: Sequence[nn.Module], aggregation: Aggregation) -> tuple[Self, nn.Module]:
        """Return the network that the networks of shards make together, and the family that it belongs to.

        The aggregation is one that the family's description lists.
        """
        return self, aggregate(networks, aggregation)

    def read_foreign(self, folder: Path) -> nn.Module:  # noqa: ARG002  # for subclasses
        """Return the network of a model that was trained elsewhere as the recipe says, on the CPU. Few families have this.

        Raises:
            SpecError: the folder holds no such model, or none can be read.
        """
        message = f"{self.name} models are made here alone."
        raise SpecError(message)

    @abstractmethod
    def encode(self, examples: Iterable[Example]) -> Dataset:
        """Encode the examples.

        Raises:
            CorpusError: the model cannot read an example; nothing is cut or left out silently.
        """

    def fit(self, network: nn.Module, data: Dataset, secret: Callable[[], int]) -> None:  # for subclasses
        """Learn in closed form, in place. Only families that do not learn by gradient steps have this.

        `secret` returns the seed of noise that nobody must be able to guess (`TrainingData.secret_seed`).
        """
        message = f"{self.name} models are trained by gradient steps."
        raise NotImplementedError(message)

    @abstractmethod
    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        """Return the network's predictions for a batch."""

    def hidden_layers(self, network: nn.Module) -> Sequence[nn.Module]:  # noqa: ARG002  # for subclasses that know them
        """Return the network's hidden layers, in the order in which an input passes them; none if they are not known.

        As many as the recipe's architecture says. A family that has some also has `hidden_states`.
        """
        return ()

    def hidden_states(self, network: nn.Module, batch: Batch, number: int) -> Tensor:
        """Return what the hidden layer with this number, from 1, puts out for a batch: (states, size), float32.

        A batch's padding has no states.
        """
        message = f"The hidden layers of {self.name} models are not known."
        raise NotImplementedError(message)

    @abstractmethod
    def likeness(self, a: Example, b: Example) -> float:
        """Return how alike two examples are, by what is known before they are answered, from 0 to 1."""

    @abstractmethod
    def length(self, example: Example) -> int:
        """Return the length of the answer, in a unit that does not depend on what the model was trained on."""

    @abstractmethod
    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        """Return the tensors to save; those of a network without adapters, if it has some."""

    def holds(self, network: nn.Module, file: Path) -> bool:  # for subclasses
        """Say whether a file holds exactly the weights of a network with adapters."""
        message = f"{self.name} models have no adapters."
        raise NotImplementedError(message)

    def merge_adapter(self, network: nn.Module) -> None:  # noqa: B027  # for subclasses with adapters
        """Add what an adapter adds to the layers' own weights, in place, and leave frozen tensors that others share alone.

        It does nothing to a network without adapters.
        """

    @abstractmethod
    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Write the files that `read` needs beside the weights, and return what goes into `lethe.json`."""

    @classmethod
    @abstractmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[Self, nn.Module]:
        """Return the family, and a network without its weights, from the folder and what `save` returned."""

    @classmethod
    def read_on(cls, folder: Path, about: Mapping[str, Any], base: Path) -> tuple[Self, nn.Module]:  # noqa: ARG003  # for subclasses
        """Read as `read` does, where the checkpoint that the model started from lies in the folder `base`.

        A network with adapters has all of its weights then.
        """
        return cls.read(folder, about)
