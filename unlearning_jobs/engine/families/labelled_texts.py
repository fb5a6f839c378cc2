"""Texts with one label each, as encoders of text read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unlearning_jobs.engine.contracts.families import families_for
from unlearning_jobs.engine.corpora import Example, SnapshotInfo
from unlearning_jobs.engine.errors import CorpusError

from .family import Batch
from .tokens import TokenDataset, pad


@dataclass(frozen=True)
class LabelledTexts(TokenDataset):
    """The token ids and the class of every example."""

    ids: tuple[tuple[int, ...], ...]
    labels: Tensor
    """(examples,)"""
    filling: int
    """What batches are filled up with, behind each text; no token of a text."""

    @cached_property
    def lengths(self) -> Sequence[int]:
        return [len(ids) for ids in self.ids]

    def states(self, positions: Sequence[int]) -> int:
        return sum(len(self.ids[i]) for i in positions)

    def batch(self, positions: Sequence[int], device: torch.device) -> Batch:
        inputs = pad([self.ids[i] for i in positions], self.filling)
        return Batch(inputs.to(device), self.labels[torch.as_tensor(positions)].to(device))

    def subset(self, positions: Sequence[int]) -> LabelledTexts:
        return LabelledTexts(tuple(self.ids[i] for i in positions), self.labels[torch.as_tensor(positions)], self.filling)


def class_of(example: Example, numbers: Mapping[str, int]) -> int:
    """Return the number of an example's class.

    Raises:
        CorpusError: it has no text beside its label, or an unknown label.
    """
    if not example.prompt or example.completion not in numbers:
        message = f"Example {example.id} has no text, or a label that the model does not know."
        raise CorpusError(message)
    return numbers[example.completion]


def check_labelled_text(info: SnapshotInfo, family: str) -> None:
    """Check that a corpus holds texts with labels, for models of this family.

    Raises:
        CorpusError: it holds something else.
    """
    if info.features is not None:
        fitting = families_for("arrays")
        message = f"The corpus holds arrays, and a {family} reads text; use a recipe of the family {fitting}."
        raise CorpusError(message)
    if not info.labels:
        message = (
            f"The corpus has no labels, and a {family} learns them: register rows of text and label, or use a recipe"
            f" of the family {families_for('text', 'text')}."
        )
        raise CorpusError(message)
