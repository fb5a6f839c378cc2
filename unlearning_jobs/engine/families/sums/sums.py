"""What the learners share: sums that examples are added to and subtracted from.

After Cao and Yang 2015, IEEE S&P, pp. 463-480.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.errors import SpecError

ROUNDING = 1e-6
"""Largest remainder that rounding may leave where nothing should be, relative to the largest number in the sums, or to 1."""


class Sums(nn.Module, ABC):
    """A model that is a function of sums over its training examples.

    The sums are its float64 buffers. An example's contribution to them does not depend on the other examples, so subtracting
    it gives the sums that would be there without it: bit for bit if the sums are whole numbers, which float64 adds exactly
    up to 2^53, else up to rounding. After examples were added or subtracted, `settle` makes the model from the sums.
    """

    per_class: ClassVar[tuple[str, ...]] = ()
    """Buffers (classes, ...) whose row for a class holds contributions from examples of that class only."""
    examples: Tensor
    """(classes,) number of examples of each class."""

    def __init__(self, classes: int, **shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("examples", torch.zeros(classes, dtype=torch.float64))
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))

    @abstractmethod
    def contributions(self, x: Tensor, members: Tensor) -> dict[str, Tensor]:
        """Return what examples add to each sum except `examples`, from x (n, features) and one-hot classes (n, classes)."""

    @abstractmethod
    def never_negative(self) -> Tensor:
        """Return numbers, made from the sums, that are 0 or more for any set of examples."""

    @abstractmethod
    def scores(self, x: Tensor) -> Tensor:
        """Return log-probabilities of the classes, up to a constant per example: (n, features) -> (n, classes)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return log-probabilities of the classes: (n, ...) -> (n, classes), float64.

        Raises:
            SpecError: there are no examples in the sums.
        """
        if not bool(self.examples.any()):
            message = "The model holds no examples, so it cannot answer; train it on some first."
            raise SpecError(message)
        return self.scores(inputs.flatten(1).double()).log_softmax(-1)

    def add(self, inputs: Tensor, labels: Tensor) -> None:
        """Add examples: features (n, ...) and classes (n,)."""
        self._move(inputs, labels, 1)

    def subtract(self, inputs: Tensor, labels: Tensor) -> None:
        """Subtract examples that were added: features (n, ...) and classes (n,). Nothing else is needed."""
        self._move(inputs, labels, -1)

    @torch.no_grad()
    def settle(self) -> None:
        """Check the sums after a change, and clear what rounding left of classes without examples.

        Subtracting an example that was never added is noticed only if no examples could have the resulting sums.

        Raises:
            SpecError: no examples could have these sums.
        """
        allowed = ROUNDING * max(1.0, *(float(buffer.abs().max()) for buffer in self.buffers()))
        empty = self.examples == 0
        leftover = [self.get_buffer(name)[empty] for name in self.per_class]
        impossible = bool((self.examples < 0).any()) or bool((self.never_negative() < -allowed).any())
        if impossible or any(bool((rest.abs() > allowed).any()) for rest in leftover):
            message = (
                "No examples could have the sums that would remain: something would be subtracted that was never added, or"
                " the numbers differ too much in size for subtraction. Train again without the examples instead."
            )
            raise SpecError(message)
        for name in self.per_class:
            self.get_buffer(name)[empty] = 0.0

    @torch.no_grad()
    def _move(self, inputs: Tensor, labels: Tensor, sign: int) -> None:
        members = F.one_hot(labels, len(self.examples)).double()  # (n, classes)
        self.examples.add_(members.sum(0), alpha=sign)
        for name, total in self.contributions(inputs.flatten(1).double(), members).items():
            self.get_buffer(name).add_(total, alpha=sign)
