"""Logistic regressions, one per class against the rest: solved to optimality, and rid of records by Newton steps.

The objective of a class over n records is

    L(w) = sum_i log(1 + exp(-s_i w x_i)) + (regularisation x n / 2) |w|^2 + b w

with s_i = 1 for its own records and -1 for the others (Guo et al. 2020, Certified Data Removal from Machine Learning
Models, arXiv 1911.03030, section 3). All in float64: what the solver leaves of the gradient counts against the budget for
removals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.errors import TrainingDivergedError

LIPSCHITZ: Final = 1 / (6 * math.sqrt(3))
"""Gamma: the second derivative of the logistic loss changes by at most so much per unit of the margin. It is the largest
third derivative, p (1 - p) |1 - 2 p| at p = 1/2 + 1/sqrt(12); Guo et al. take the coarser 1/4."""
TOLERANCE: Final = 1e-9
"""Of the gradient's norm per class, where the solver rests."""
ACCEPTABLE: Final = 1e-6
"""Of the gradient's norm, where the solver may end because rounding stops it."""
MOST_STEPS: Final = 100
SMALLEST_STEP: Final = 1e-6
ENOUGH: Final = 0.25
"""Share of the decrease promised by a Newton step that it must bring."""


@dataclass(frozen=True)
class Records:
    """Records as the regressions read them."""

    rows: Tensor
    """(records, numbers), float64, each of norm at most 1"""
    signs: Tensor
    """(records, classes), float64: 1 for a record's own class, -1 for the others"""

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: Sequence[int]) -> Records:
        """These records alone."""
        chosen = torch.as_tensor(positions, dtype=torch.int64, device=self.rows.device)
        return Records(self.rows[chosen], self.signs[chosen])


def gradient(weight: Tensor, records: Records, regularisation: float) -> Tensor:
    """Gradient of the objective without b, per class: (classes, numbers)."""
    margins = records.signs * (records.rows @ weight.T)
    pull = -records.signs * torch.sigmoid(-margins)
    return pull.T @ records.rows + regularisation * len(records) * weight


def solve(records: Records, perturbation: Tensor, regularisation: float) -> tuple[Tensor, Tensor]:
    """The optimum: weights (classes, numbers), and the norm of the gradient that is left, (classes,).

    Newton's method; a step is halved until the gradient shrinks by a share of what the step promises.

    Args:
        records: to learn from.
        perturbation: b, (classes, numbers).
        regularisation: lambda.

    Raises:
        TrainingDivergedError: no optimum is found.
    """
    weights, residuals = [], []
    for number, b in enumerate(perturbation):
        own = Records(records.rows, records.signs[:, number : number + 1])
        weight, residual = _solve_one(own, b, regularisation)
        weights.append(weight)
        residuals.append(residual)
    left = torch.stack(residuals)
    if not bool((left <= ACCEPTABLE).all()):
        message = (
            "The logistic regressions have no optimum within reach; raise the regularisation, and check that"
            " all features are finite numbers."
        )
        raise TrainingDivergedError(message)
    return torch.stack(weights), left


def remove(weight: Tensor, kept: Records, gone: Records, regularisation: float) -> tuple[Tensor, Tensor]:
    """One Newton step towards the optimum without the records that are gone (Guo et al., section 3).

    With H the Hessian over the kept records at the weights w, D the gradient over those that are gone and v = H^-1 D, the
    new weights are w + v. The objective's gradient there, over the kept records, is longer than it was at w, over all, by
    at most gamma |X|_2 |v|_2 |X v|_2 (corollary 1; X: the kept rows), and by what rounding left of H v - D.

    Returns:
        the new weights (classes, numbers), and the bound per class (classes,).
    """
    change = gradient(weight, gone, regularisation)
    rows = kept.rows
    spectral = torch.linalg.eigvalsh(rows.T @ rows)[-1].clamp(min=0).sqrt()
    steps, bounds = [], []
    for w, target in zip(weight, change, strict=True):
        hessian = _hessian(w, rows, regularisation)
        step = _newton_step(hessian, target)
        bound = LIPSCHITZ * spectral * step.norm() * (rows @ step).norm()
        steps.append(step)
        bounds.append(bound + (hessian @ step - target).norm())
    return weight + torch.stack(steps), torch.stack(bounds)


def _solve_one(records: Records, b: Tensor, regularisation: float) -> tuple[Tensor, Tensor]:
    weight = torch.zeros_like(b)
    slope = gradient(weight[None], records, regularisation)[0] + b
    for _ in range(MOST_STEPS):
        if slope.norm() <= TOLERANCE:
            break
        step = _newton_step(_hessian(weight, records.rows, regularisation), slope)
        share = 1.0
        while share >= SMALLEST_STEP:
            there = weight - share * step
            slope_there = gradient(there[None], records, regularisation)[0] + b
            if slope_there.norm() <= (1 - ENOUGH * share) * slope.norm():
                break
            share /= 2
        else:
            break  # rounding: no step brings the gradient down any more
        weight, slope = there, slope_there
    return weight, slope.norm()


def _hessian(weight: Tensor, rows: Tensor, regularisation: float) -> Tensor:
    scores = rows @ weight
    curvature = torch.sigmoid(scores) * torch.sigmoid(-scores)
    hessian = rows.T @ (rows * curvature[:, None])
    hessian.diagonal().add_(regularisation * len(rows))
    return hessian


def _newton_step(hessian: Tensor, target: Tensor) -> Tensor:
    """H^-1 target; NaN where the Hessian is singular or holds what is no number."""
    factor, failed = torch.linalg.cholesky_ex(hessian)
    return torch.full_like(target, math.nan) if int(failed) else torch.cholesky_solve(target[:, None], factor)[:, 0]


def signs_of(labels: Tensor, classes: int) -> Tensor:
    """Labels (records,) as signs (records, classes)."""
    return 2.0 * F.one_hot(labels, classes).double() - 1.0
