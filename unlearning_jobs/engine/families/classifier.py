"""Classifiers of arrays: tables and images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, SnapshotInfo

from .arrays import ArrayFamily, Arrays
from .family import Footprint
from .networks import make_network

SINGLE_CHANNEL = 2
"""Dimensions of an image without a channel of its own: height and width."""


class ClassifierFamily(ArrayFamily[ClassifierArchitecture]):
    """Networks that learn from arrays by gradient steps."""

    name: ClassVar[str] = "classifier"

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Count on a network without weights; the outputs of all modules are kept for the backward pass."""
        family = cls.of(recipe, info)
        counted: list[int] = []

        def count(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                counted.append(output.numel())

        with torch.device("meta"):
            network = family.network()
            for module in network.modules():
                module.register_forward_hook(count)
            network(torch.empty(recipe.batch_size, *family.shape))
        return Footprint(sum(p.numel() for p in network.parameters()), sum(counted))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the network's input; images without a channel get one."""
        shape = self.features.shape
        return (1, *shape) if len(shape) == SINGLE_CHANNEL else shape

    def network(self) -> nn.Module:
        return make_network(self.architecture, self.shape, len(self.labels))

    def encode(self, examples: Iterable[Example]) -> Arrays:
        flat = super().encode(examples)
        return Arrays(flat.inputs.reshape(len(flat), *self.shape), flat.labels)
