"""What families share whose examples have one answer each: a class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.corpora import Example

from .family import Batch, Family, Predictions


class ClassFamily(Family):
    """Networks that map a batch's inputs to logits (batch, classes)."""

    labels: tuple[str, ...]
    """Names of the classes; a class's place here is its number."""

    @abstractmethod
    def network(self) -> nn.Module:
        """A network that has learned nothing."""

    def build(self, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network()

    def numbers(self) -> Mapping[str, int]:
        """The number of every class."""
        return {label: number for number, label in enumerate(self.labels)}

    def predict(self, network: nn.Module, batch: Batch) -> Predictions:
        rows = torch.arange(len(batch.labels), device=batch.labels.device)
        return Predictions(network(batch.inputs).float(), batch.labels, rows)

    def likeness(self, a: Example, b: Example) -> float:
        """1 for examples of the same class."""
        return float(a.completion == b.completion)

    def length(self, example: Example) -> int:  # noqa: ARG002  # every example has one answer
        return 1

    def weights(self, network: nn.Module) -> dict[str, Tensor]:
        return dict(network.state_dict())
