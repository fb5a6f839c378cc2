"""Models of arrays that are functions of sums over their training examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import ClassVar, Self, cast

import numpy as np
import torch
from torch import nn

from unlearning_jobs.engine.contracts import Recipe, SumsArchitecture
from unlearning_jobs.engine.corpora import Example, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError, SpecError

from .arrays import BYTE, ArrayFamily, Arrays
from .family import Dataset, Footprint
from .sums import Sums, make_sums

CHUNK = 1024
"""Examples that are added at once."""


class SummationFamily(ArrayFamily[SumsArchitecture]):
    """Models that learn by adding up their examples in one pass. The seed has no effect."""

    name: ClassVar[str] = "summation"

    @classmethod
    def of(cls, recipe: Recipe, info: SnapshotInfo) -> Self:
        if recipe.epochs != 1:
            message = "Sums are learned in one pass over the examples; set epochs to 1."
            raise SpecError(message)
        return super().of(recipe, info)

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Count the numbers that the model keeps as its parameters. Solving takes a few copies of them."""
        with torch.device("meta"):
            kept = sum(buffer.numel() for buffer in cls.of(recipe, info).network().buffers())
        return Footprint(kept, 4 * kept)

    def network(self) -> Sums:
        byte = self.features.dtype == "uint8"
        return make_sums(self.architecture, math.prod(self.features.shape), len(self.labels), unit=1 / BYTE if byte else 1.0)

    def encode(self, examples: Iterable[Example]) -> Arrays:
        """Encode features as (examples, numbers). Bytes stay whole numbers, so that their sums are exact.

        Raises:
            CorpusError: an example has another kind of features or an unknown label, or a recommender's is not a basket.
        """
        features, labels = self.stack(examples)
        if self.architecture.learner == "co_occurrence" and not np.isin(features, (0, 1)).all():
            message = "A co-occurrence recommender reads baskets: all features must be 0 or 1, and some are not."
            raise CorpusError(message)
        return Arrays(torch.from_numpy(features), labels)

    def fit(self, network: nn.Module, data: Dataset, secret: Callable[[], int]) -> None:  # noqa: ARG002  # nothing is drawn
        """Add up all examples.

        Raises:
            SpecError: the model cannot be solved for.
        """
        sums = cast("Sums", network)
        for positions in data.sweep(CHUNK):
            batch = data.batch(positions, sums.examples.device)
            sums.add(batch.inputs, batch.labels)
        sums.settle()
