"""The statistics of k-means for a fixed assignment: cluster sums, sizes and inertia."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from .sums import Sums


class NearestMean(Sums):
    """-|x - mean of the class|^2 / (2 variance), with one variance for all classes and features.

    The variance is the inertia (what k-means minimises) per example and feature, plus `variance_floor`; dividing by it makes
    the scores those of equally likely spherical Gaussians. Every mean is computed as if its class also held `smoothing`
    examples at the mean of all. The assignment is given by the labels and does not change: Lloyd's iterations, which would
    assign examples again after a deletion, are not a function of sums and are not covered.
    """

    per_class: ClassVar[tuple[str, ...]] = ("totals",)
    totals: Tensor
    """(classes, features) sums of the features."""
    square: Tensor
    """(1,) sum of the squared lengths of all examples."""

    def __init__(self, features: int, classes: int, *, smoothing: float, variance_floor: float) -> None:
        super().__init__(classes, totals=(classes, features), square=(1,))
        self.smoothing, self.variance_floor = smoothing, variance_floor

    def contributions(self, x: Tensor, members: Tensor) -> dict[str, Tensor]:
        return {"totals": members.T @ x, "square": x.square().sum()}

    def never_negative(self) -> Tensor:
        """Return the inertia: the sum of squared distances of all examples to the means of their classes."""
        return self.square - (self.totals.square().sum(-1) / self.examples.clamp(min=1)).sum()

    def scores(self, x: Tensor) -> Tensor:
        everything = self.examples.sum()
        counts = (self.examples + self.smoothing).unsqueeze(-1)
        means = (self.totals + self.smoothing * self.totals.sum(0) / everything) / counts
        variance = self.never_negative().clamp(min=0) / (everything * x.shape[-1]) + self.variance_floor
        distances = torch.cdist(
            x, means, compute_mode="donot_use_mm_for_euclid_dist"
        )  # a matrix product would cancel digits
        return -distances.square() / (2 * variance)
