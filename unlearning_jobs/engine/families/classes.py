"""What families share that answer every example with one class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.corpora import Example

from .family import Batch, Family, Predictions


class ClassFamily(Family):
    """A family of networks that map the inputs of a batch to logits (batch, classes)."""

    labels: tuple[str, ...]
    """Names of the classes; the index of a name is the number of its class."""

    @abstractmethod
    def network(self) -> nn.Module:
        """Return a freshly initialised network."""

    def build(self, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network()

    def numbers(self) -> Mapping[str, int]:
        """Return the number of every class."""
        return {label: number for number, label in enumerate(self.labels)}

    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        example_index = torch.arange(len(batch.labels), device=batch.labels.device)  # one answer each
        return Predictions(network(batch.inputs).float(), batch.labels, example_index)

    def likeness(self, a: Example, b: Example) -> float:
        """Return 1 for examples of the same class, else 0."""
        return float(a.completion == b.completion)

    def length(self, example: Example) -> int:  # noqa: ARG002  # every example has one answer
        return 1

    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        return dict(network.state_dict())
