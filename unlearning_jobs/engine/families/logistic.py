"""Logistic regressions on frozen features, from which examples can be removed with a certificate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import LogisticArchitecture, Recipe
from unlearning_jobs.engine.corpora import SnapshotInfo

from .arrays import ArrayFamily, Arrays
from .family import Dataset, Footprint
from .one_vs_rest import Examples, Majorant, remove, signs_of, solve


class LogisticHeads(nn.Module):
    """One logistic regression per class, and how much of their budget removals have used."""

    weight: Tensor
    residual: Tensor
    removals: Tensor

    def __init__(self, numbers: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes, numbers + 1, dtype=torch.float64))
        self.register_buffer("residual", torch.zeros(classes, dtype=torch.float64))  # (classes,), bound on each |gradient|
        self.register_buffer("removals", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        scores: Tensor = self.features(inputs) @ self.weight.T  # (examples, classes)
        return scores

    def features(self, inputs: Tensor) -> Tensor:
        """Turn inputs (examples, ...) into features (examples, numbers + 1) in float64, each row of norm at most 1.

        A row longer than 1 is scaled down to 1 on its own, so that no scale is learned from anybody. A constant is added for
        the intercept, which is regularised like the rest.
        """
        flat = inputs.flatten(1).double()
        short = flat / flat.norm(dim=1, keepdim=True).clamp(min=1.0)
        return torch.cat([short, torch.ones_like(short[:, :1])], dim=1) / math.sqrt(2)

    def bound(self) -> float:
        """Return an upper bound on the norm of the joint gradient of all classes, over the examples that remain."""
        return float(self.residual.norm())


def removal_budget(architecture: LogisticArchitecture) -> float:
    """Return the bound up to which removals are certified: sigma epsilon / c, with delta = 1.5 exp(-c^2 / 2).

    From Guo et al. 2020, arXiv 1911.03030, section 3: the noise hides a gradient that is no longer than this.
    """
    c = math.sqrt(2 * math.log(1.5 / architecture.delta))
    return architecture.perturbation * architecture.epsilon / c


class LogisticFamily(ArrayFamily[LogisticArchitecture]):
    """One-against-the-rest regressions, whose scores are read as logits."""

    name: ClassVar[str] = "logistic"

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        """Count what solving holds: all features in float64, a few numbers per example and class, and a Hessian."""
        family = cls.of(recipe, info)
        numbers, classes = math.prod(family.features.shape) + 1, len(family.labels)
        held = info.counts.get("train", 0) * (numbers + 4 * classes) + 3 * numbers**2
        return Footprint(numbers * classes, 2 * held)  # a number of float64 is two of float32

    def network(self) -> LogisticHeads:
        return LogisticHeads(math.prod(self.features.shape), len(self.labels))

    def fit(self, network: nn.Module, data: Dataset, secret: Callable[[], int]) -> None:
        """Draw the perturbation by the secret and solve. It is not kept: whoever knows it can remove it from the weights.

        Raises:
            TrainingDivergedError: no optimum is found.
        """
        heads = cast("LogisticHeads", network)
        generator = torch.Generator().manual_seed(secret())
        drawn = torch.randn(heads.weight.shape, generator=generator, dtype=torch.float64)
        perturbation = self.architecture.perturbation * drawn.to(heads.weight.device)
        weight, residual = solve(self.examples(heads, cast("Arrays", data)), perturbation, self.architecture.regularisation)
        with torch.no_grad():
            heads.weight.copy_(weight)
            heads.residual.copy_(residual)
            heads.removals.zero_()

    def examples(self, heads: LogisticHeads, data: Arrays) -> Examples:
        """Return the examples as the regressions read them, on their device."""
        device = heads.weight.device
        return Examples(heads.features(data.inputs.to(device)), signs_of(data.labels.to(device), len(self.labels)))

    @torch.no_grad()
    def forget(self, heads: LogisticHeads, kept: Examples, removed: Examples, majorant: Majorant) -> None:
        """Remove examples from the regressions, in place, and add the step's bound to what removals have used.

        The majorant is that of the kept examples, or of more.
        """
        weight, bound = remove(heads.weight, kept, removed, self.architecture.regularisation, majorant)
        heads.weight.copy_(weight)
        heads.residual.add_(bound)
        heads.removals.add_(len(removed))

    def save(self, network: nn.Module, folder: Path) -> Mapping[str, Any]:
        """Save `budget_spent` too, for readers without torch. What counts is the bound that is saved with the weights."""
        spent = cast("LogisticHeads", network).bound() / removal_budget(self.architecture)
        return {**super().save(network, folder), "budget_spent": spent}
