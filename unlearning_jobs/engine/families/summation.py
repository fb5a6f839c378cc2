"""Models of arrays that are functions of sums over their training examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe, SumsArchitecture
from unlearning_jobs.engine.corpora import Example, FeatureFormat, Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError, SpecError

from .classifier import BYTE, Arrays, stack_arrays
from .family import Answers, Batch, Dataset, Family, Footprint
from .sums import Sums, make_sums

CHUNK = 1024
"""Examples that are added up at once."""


@dataclass(frozen=True)
class Summation(Family):
    """An example's one answer is its class. Learning is one pass of adding up, and no seed takes part in it."""

    architecture: SumsArchitecture
    features: FeatureFormat
    labels: tuple[str, ...]

    name: ClassVar[str] = "summation"

    @classmethod
    def create(cls, recipe: Recipe, snapshot: Snapshot) -> Summation:
        return cls._of(recipe, snapshot.info)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Parameters are the numbers that the model keeps. Solving takes some copies of them."""
        with torch.device("meta"):
            kept = sum(buffer.numel() for buffer in cls._of(recipe, info).build(0).buffers())
        return Footprint(kept, 4 * kept)

    @classmethod
    def _of(cls, recipe: Recipe, info: SnapshotInfo) -> Summation:
        if info.features is None:
            message = "The corpus holds text, and sums are made of arrays; use a recipe of the family causal_lm."
            raise CorpusError(message)
        if recipe.epochs != 1:
            message = "Sums are learned in one pass over the examples; set epochs to 1."
            raise SpecError(message)
        return cls(cast("SumsArchitecture", recipe.architecture), info.features, info.labels)

    def build(self, seed: int) -> Sums:  # noqa: ARG002  # nothing is drawn
        return self._network()

    def encode(self, examples: Iterable[Example]) -> Arrays:
        """Features (examples, numbers). Bytes stay whole numbers, so that their sums are exact.

        Raises:
            CorpusError: an example has another kind of features or an unknown label; or is no basket, for a recommender.
        """
        features, labels = stack_arrays(examples, self.features, self.labels)
        if self.architecture.learner == "co_occurrence" and not np.isin(features, (0, 1)).all():
            message = "A co-occurrence recommender reads baskets: all features must be 0 or 1, and some are not."
            raise CorpusError(message)
        return Arrays(torch.from_numpy(features), labels)

    def fit(self, network: nn.Module, data: Dataset, seed: int) -> bool:  # noqa: ARG002  # nothing is drawn
        """Add up all examples.

        Raises:
            SpecError: the model cannot be solved for.
        """
        sums = cast("Sums", network)
        for positions in data.sweep(CHUNK):
            batch = data.batch(positions, sums.examples.device)
            sums.add(batch.inputs, batch.labels)
        sums.settle()
        return True

    def answers(self, network: nn.Module, batch: Batch) -> Answers:
        rows = torch.arange(len(batch.labels), device=batch.labels.device)
        return Answers(network(batch.inputs).float(), batch.labels, rows)

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
    def read(cls, folder: Path, about: Mapping[str, Any]) -> tuple[Summation, nn.Module]:  # noqa: ARG003  # as above
        form = about["features"]
        family = cls(
            SumsArchitecture.from_json(about["architecture"]),
            FeatureFormat(form["dtype"], tuple(form["shape"])),
            tuple(about["labels"]),
        )
        return family, family._network()

    def _network(self) -> Sums:
        byte = self.features.dtype == "uint8"
        return make_sums(self.architecture, math.prod(self.features.shape), len(self.labels), unit=1 / BYTE if byte else 1.0)
