"""Gaussian naive Bayes from counts, sums and sums of squares."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from .sums import Sums


class NaiveBayes(Sums):
    """log p(class) + sum over features of log N(x; mean, variance), each class with means and variances of its own.

    Every class is learned as if it also held `smoothing` examples with the mean and the mean square of all examples, so
    that a class without examples is the average of all. `variance_floor` is added to every variance, so that a feature that
    never changes has no influence. The prior has the same smoothing: (n + smoothing) / (N + classes x smoothing).
    """

    per_class: ClassVar[tuple[str, ...]] = ("totals", "squares")
    totals: Tensor
    """(classes, features) sums of the features."""
    squares: Tensor
    """(classes, features) sums of their squares."""

    def __init__(self, features: int, classes: int, *, smoothing: float, variance_floor: float) -> None:
        super().__init__(classes, totals=(classes, features), squares=(classes, features))
        self.smoothing, self.variance_floor = smoothing, variance_floor

    def contributions(self, x: Tensor, members: Tensor) -> dict[str, Tensor]:
        return {"totals": members.T @ x, "squares": members.T @ x.square()}

    def never_negative(self) -> Tensor:
        """Return the sums of squared distances to the class means."""
        return self.squares - self.totals.square() / self.examples.clamp(min=1).unsqueeze(-1)

    def scores(self, x: Tensor) -> Tensor:
        counts, everything = self.examples + self.smoothing, self.examples.sum()  # (classes,), scalar
        means = (self.totals + self.smoothing * self.totals.sum(0) / everything) / counts.unsqueeze(-1)
        squares = (self.squares + self.smoothing * self.squares.sum(0) / everything) / counts.unsqueeze(-1)
        variances = (squares - means.square()).clamp(min=0) + self.variance_floor
        densities = [-((x - m).square() / v + v.log()).sum(-1) / 2 for m, v in zip(means, variances, strict=True)]
        return torch.stack(densities, dim=-1) + (counts / counts.sum()).log()
