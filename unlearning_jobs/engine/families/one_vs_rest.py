"""Logistic regressions, one per class against the rest: solved to optimality, and rid of records by Newton steps.

The objective of a class over n records is

    L(w) = sum_i log(1 + exp(-s_i w x_i)) + (regularisation x n / 2) |w|^2 + b w

with s_i = 1 for its own records and -1 for the others (Guo et al. 2020, Certified Data Removal from Machine Learning
Models, arXiv 1911.03030, section 3). All in float64: what the solver leaves of the gradient counts against the budget for
removals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

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
ROUGHLY: Final = 1e-3
"""Of the gradient's norm, what may be left of a Newton step's equation on the way to the optimum."""
MOST_DIRECTIONS: Final = 1000


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


@dataclass(frozen=True)
class Majorant:
    """What no Hessian over these records, or over some of them, exceeds: that of weights that are zero."""

    factor: Tensor
    """Cholesky factor of rows^T rows / 4 + regularisation x records, (numbers, numbers)."""
    spectral: Tensor
    """|rows|_2, the largest singular value."""

    @classmethod
    def of(cls, records: Records, regularisation: float) -> Self:
        """Of these records; NaN where they hold what is no number."""
        gram = records.rows.T @ records.rows
        hessian = gram / 4
        hessian.diagonal().add_(regularisation * len(records))
        factor, failed = torch.linalg.cholesky_ex(hessian)
        if int(failed):
            return cls(torch.full_like(gram, math.nan), gram.new_tensor(math.nan))
        return cls(factor, torch.linalg.eigvalsh(gram)[-1].clamp(min=0).sqrt())


def solve(records: Records, perturbation: Tensor, regularisation: float) -> tuple[Tensor, Tensor]:
    """The optimum: weights (classes, numbers), and the norm of the gradient that is left, (classes,).

    Newton's method, for all classes at once; a class's step is halved until its gradient shrinks by a share of what the step
    promises.

    Args:
        records: to learn from.
        perturbation: b, (classes, numbers).
        regularisation: lambda.

    Raises:
        TrainingDivergedError: no optimum is found.
    """

    def slope_at(weight: Tensor) -> Tensor:
        return gradient(weight, records, regularisation) + perturbation

    majorant = Majorant.of(records, regularisation)
    weight = torch.zeros_like(perturbation)
    slope = slope_at(weight)
    resting = slope.norm(dim=1) <= TOLERANCE
    for _ in range(MOST_STEPS):
        if bool(resting.all()):
            break
        hessian = _hessian(weight, records.rows, regularisation)
        step = _newton_steps(hessian, slope, majorant.factor, ROUGHLY * slope.norm(dim=1))
        share = _share_to_go(weight, step, slope_at, resting)
        moved = share > 0
        weight = torch.where(moved[:, None], weight - share[:, None] * step, weight)  # a step may be NaN
        slope = slope_at(weight)
        resting = (slope.norm(dim=1) <= TOLERANCE) | ~moved
    left = slope.norm(dim=1)
    if not bool((left <= ACCEPTABLE).all()):
        message = (
            "The logistic regressions have no optimum within reach; raise the regularisation, and check that"
            " all features are finite numbers."
        )
        raise TrainingDivergedError(message)
    return weight, left


def _share_to_go(weight: Tensor, step: Tensor, slope_at: Callable[[Tensor], Tensor], resting: Tensor) -> Tensor:
    """How much of its step each class takes, (classes,): 1, 1/2, 1/4, ... until its gradient shrinks enough.

    0 for classes that rest, and for those that no step brings any further, which is rounding.
    """
    length = slope_at(weight).norm(dim=1)
    share = torch.where(resting, 0.0, 1.0).to(step)
    while True:
        shrunk = slope_at(weight - share[:, None] * step).norm(dim=1) <= (1 - ENOUGH * share) * length
        if bool((shrunk | (share == 0)).all()):
            return share
        share = torch.where(shrunk, share, share / 2)
        share[share < SMALLEST_STEP] = 0.0


def remove(weight: Tensor, kept: Records, gone: Records, regularisation: float, majorant: Majorant) -> tuple[Tensor, Tensor]:
    """One Newton step towards the optimum without the records that are gone (Guo et al., section 3).

    With H the Hessian over the kept records at the weights w, D the gradient over those that are gone and v = H^-1 D, the
    new weights are w + v. The objective's gradient there, over the kept records, is longer than it was at w, over all, by
    at most gamma |X|_2 |v|_2 |X v|_2 (corollary 1; X: the kept rows), and by what is left of H v - D.

    Args:
        weight: w, (classes, numbers).
        kept: the records that stay.
        gone: those that go.
        regularisation: lambda.
        majorant: of the kept records, or of more.

    Returns:
        the new weights (classes, numbers), and the bound per class (classes,).
    """
    rows, change = kept.rows, gradient(weight, gone, regularisation)
    hessian = _hessian(weight, rows, regularisation)
    step = _newton_steps(hessian, change, majorant.factor, torch.full_like(change[:, 0], TOLERANCE))
    bound = LIPSCHITZ * majorant.spectral * step.norm(dim=1) * (rows @ step.T).norm(dim=0)
    return weight + step, bound + (hessian(step) - change).norm(dim=1)


def _hessian(weight: Tensor, rows: Tensor, regularisation: float) -> Callable[[Tensor], Tensor]:
    """What multiplies vectors, one per class, with the Hessian of the class. It is never built: with many numbers that takes
    far longer than all else.
    """
    scores = rows @ weight.T
    curvature = torch.sigmoid(scores) * torch.sigmoid(-scores)

    def times(vectors: Tensor) -> Tensor:
        return (curvature * (rows @ vectors.T)).T @ rows + regularisation * len(rows) * vectors

    return times


def _newton_steps(hessian: Callable[[Tensor], Tensor], target: Tensor, factor: Tensor, tolerance: Tensor) -> Tensor:
    """H^-1 target for every class, (classes, numbers), by conjugate gradients that the majorant's factor preconditions.

    Ends when the residual of each class is no longer than its tolerance (classes,), or when rounding stops it.
    """
    step, left = torch.zeros_like(target), target.clone()
    ahead = torch.cholesky_solve(left.T, factor).T
    direction, power = ahead, (left * ahead).sum(dim=1)
    for _ in range(MOST_DIRECTIONS):
        going = (left.norm(dim=1) > tolerance) & (power > 0)
        if not bool(going.any()):
            break
        bent = hessian(direction)
        length = torch.where(going, power / (direction * bent).sum(dim=1), 0.0)[:, None]
        step, left = step + length * direction, left - length * bent
        ahead = torch.cholesky_solve(left.T, factor).T
        power, before = (left * ahead).sum(dim=1), power
        direction = ahead + torch.where(going, power / before, 0.0)[:, None] * direction
    return step


def signs_of(labels: Tensor, classes: int) -> Tensor:
    """Labels (records,) as signs (records, classes)."""
    return 2.0 * F.one_hot(labels, classes).double() - 1.0
