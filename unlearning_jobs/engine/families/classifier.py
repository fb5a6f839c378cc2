"""Classifiers of arrays: tables and images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, SnapshotInfo

from .arrays import ArrayFamily, Arrays
from .family import Batch, Footprint, output_of
from .networks import make_network

MATRIX = 2
"""Dimensions of the smallest tensor of weights that mixes its inputs; those of normalisations have one."""
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

    def hidden_layers(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return all layers with matrices or kernels but the last. Those of a network that was imported are not known."""
        if self.architecture.is_imported:
            return ()
        weighted = [layer for layer in network.children() if any(p.dim() >= MATRIX for p in layer.parameters())]
        return weighted[:-1]

    def hidden_states(self, network: nn.Module, batch: Batch, number: int) -> Tensor:
        """Return one state per example, or per place of its image, whose numbers are those of the channels."""
        layer = self.hidden_layers(network)[number - 1]
        output = output_of(layer, lambda: network(batch.inputs))  # (batch, size, ...)
        return output.movedim(1, -1).flatten(0, -2)

    def encode(self, examples: Iterable[Example]) -> Arrays:
        flat = super().encode(examples)
        return Arrays(flat.inputs.reshape(len(flat), *self.shape), flat.labels)
