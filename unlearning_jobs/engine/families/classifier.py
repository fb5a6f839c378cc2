"""Classifiers of arrays: tables and images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, FeatureFormat, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError

from .family import Answers, Batch, Dataset, Family, Footprint
from .networks import make_network

BYTE = 255.0
SINGLE_CHANNEL = 2
"""Dimensions of an image without a channel of its own: height and width."""


@dataclass(frozen=True)
class Arrays(Dataset):
    """Features (examples, ...) as float32 and labels (examples,), kept together on the CPU."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, positions: Sequence[int], device: torch.device) -> Batch:
        chosen = torch.as_tensor(positions)
        return Batch(self.inputs[chosen].to(device), self.labels[chosen].to(device))

    def subset(self, positions: Sequence[int]) -> Arrays:
        chosen = torch.as_tensor(positions)
        return Arrays(self.inputs[chosen], self.labels[chosen])

    def epoch(self, batch_size: int, generator: torch.Generator) -> list[list[int]]:
        order = torch.randperm(len(self), generator=generator)
        return [part.tolist() for part in torch.split(order, batch_size)]

    def sweep(self, batch_size: int) -> list[list[int]]:
        return [part.tolist() for part in torch.split(torch.arange(len(self)), batch_size)]


def stack_arrays(
    examples: Iterable[Example], form: FeatureFormat, classes: Sequence[str]
) -> tuple[NDArray[np.float32], Tensor]:
    """Features (examples, numbers) as float32, bytes as 0 to 255, and the places of their labels (examples,).

    Raises:
        CorpusError: an example has no features, or a label that is none of the classes.
    """
    places = {label: place for place, label in enumerate(classes)}
    content, labels = bytearray(), []
    for example in examples:
        if example.features is None or example.completion not in places:
            message = f"Example {example.id} has no features, or a label that the model does not know."
            raise CorpusError(message)
        content += example.features
        labels.append(places[example.completion])
    features = np.frombuffer(content, dtype=form.dtype).astype(np.float32)
    return features.reshape(len(labels), math.prod(form.shape)), torch.tensor(labels, dtype=torch.int64)


@dataclass(frozen=True)
class Classifier(Family):
    """An example's one answer is its class."""

    architecture: ClassifierArchitecture
    features: FeatureFormat
    labels: tuple[str, ...]

    name: ClassVar[str] = "classifier"

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> Classifier:
        return cls._of(recipe, snapshot.info)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Counted on a network without weights: every module's output is kept for the backward pass."""
        family = cls._of(recipe, info)
        counted: list[int] = []

        def count(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                counted.append(output.numel())

        with torch.device("meta"):
            network = make_network(family.architecture, family.shape, len(family.labels))
            for module in network.modules():
                module.register_forward_hook(count)
            network(torch.empty(recipe.batch_size, *family.shape))
        return Footprint(sum(p.numel() for p in network.parameters()), sum(counted))

    @classmethod
    def _of(cls, recipe: Recipe, info: SnapshotInfo) -> Classifier:
        if info.features is None:
            message = "The corpus holds text, and a classifier reads arrays; use a recipe of the family causal_lm."
            raise CorpusError(message)
        return cls(cast("ClassifierArchitecture", recipe.architecture), info.features, info.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the network's input: images without a channel get one."""
        shape = self.features.shape
        return (1, *shape) if len(shape) == SINGLE_CHANNEL else shape

    def build(self, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make_network(self.architecture, self.shape, len(self.labels))

    def encode(self, examples: Iterable[Example]) -> Arrays:
        """Bytes are scaled to between 0 and 1; other numbers stay as they are, so that no scale is learned from anybody."""
        features, labels = stack_arrays(examples, self.features, self.labels)
        scaled = features / BYTE if self.features.dtype == "uint8" else features
        return Arrays(torch.from_numpy(scaled.reshape(len(labels), *self.shape)), labels)

    def answers(self, network: nn.Module, batch: Batch) -> Answers:
        return Answers(
            network(batch.inputs).float(), batch.labels, torch.arange(len(batch.labels), device=batch.labels.device)
        )

    def likeness(self, a: Example, b: Example) -> float:
        """1 for examples of the same class."""
        return float(a.completion == b.completion)

    def length(self, example: Example) -> int:  # noqa: ARG002  # every example has one answer
        return 1

    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        return dict(network.state_dict())

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002  # everything fits into JSON
        return {
            "architecture": self.architecture.to_json(),
            "features": {"dtype": self.features.dtype, "shape": list(self.features.shape)},
            "labels": list(self.labels),
        }

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[Classifier, nn.Module]:  # noqa: ARG003  # as above
        form = about["features"]
        family = cls(
            ClassifierArchitecture.from_json(about["architecture"]),
            FeatureFormat(form["dtype"], tuple(form["shape"])),
            tuple(about["labels"]),
        )
        return family, make_network(family.architecture, family.shape, len(family.labels))
