"""What families share that read arrays with a label: tables and images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.contracts.architectures import Architecture
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS, families_for
from unlearning_jobs.engine.corpora import Example, FeatureFormat, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError

from .classes import ClassFamily
from .family import Batch, Dataset

BYTE = 255.0
A = TypeVar("A", bound=Architecture)


@dataclass(frozen=True)
class Arrays(Dataset):
    """Features (examples, ...) in float32 and labels (examples,), kept together on the CPU."""

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


@dataclass(frozen=True)
class ArrayFamily(ClassFamily, Generic[A]):
    """A family that reads arrays. The snapshot says their shape and the classes."""

    architecture: A
    features: FeatureFormat
    labels: tuple[str, ...]

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> Self:
        return cls.of(recipe, snapshot.info)

    @classmethod
    def of(cls, recipe: Recipe, info: SnapshotInfo) -> Self:
        """Return the family for this recipe and a snapshot with this description.

        Raises:
            as `create`.
        """
        if info.features is None:
            fitting = families_for("text", "class" if info.labels else "text")
            message = f"The corpus holds text, and a {cls.name} model reads arrays; use a recipe of the family {fitting}."
            raise CorpusError(message)
        return cls(cast("A", recipe.architecture), info.features, info.labels)

    def stack(self, examples: Iterable[Example]) -> tuple[NDArray[np.float32], Tensor]:
        """Return features (examples, numbers) in float32, bytes as 0 to 255, and the numbers of the labels (examples,).

        Raises:
            CorpusError: an example has no features, or a label that is not one of the classes.
        """
        numbers, content, labels = self.numbers(), bytearray(), []
        for example in examples:
            if example.features is None or example.completion not in numbers:
                message = f"Example {example.id} has no features, or a label that the model does not know."
                raise CorpusError(message)
            content += example.features
            labels.append(numbers[example.completion])
        features = np.frombuffer(content, dtype=self.features.dtype).astype(np.float32)
        return features.reshape(len(labels), math.prod(self.features.shape)), torch.tensor(labels, dtype=torch.int64)

    def encode(self, examples: Iterable[Example]) -> Arrays:
        """Scale bytes to between 0 and 1; leave other numbers as they are, so that no scale is learned from anybody."""
        features, labels = self.stack(examples)
        return Arrays(torch.from_numpy(features / BYTE if self.features.dtype == "uint8" else features), labels)

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002  # it needs no files
        return {
            "architecture": self.architecture.to_json(),
            "features": {"dtype": self.features.dtype, "shape": list(self.features.shape)},
            "labels": list(self.labels),
        }

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[Self, nn.Module]:  # noqa: ARG003  # as above
        features = about["features"]
        architecture = cast("A", FAMILY_DESCRIPTIONS[cls.name].architecture.from_json(about["architecture"]))
        family = cls(architecture, FeatureFormat(features["dtype"], tuple(features["shape"])), tuple(about["labels"]))
        return family, family.network()
