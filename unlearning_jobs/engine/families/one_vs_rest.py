"""Logistic regressions, one per class against the rest: solved to optimality, and examples removed by Newton steps.

The objective of a class over n examples is

    L(w) = sum_i log(1 + exp(-s_i w x_i)) + (regularisation x n / 2) |w|^2 + b w

with s_i = 1 for the examples of the class and -1 for the others (Guo et al. 2020, Certified Data Removal from Machine
Learning Models, arXiv 1911.03030, section 3). Everything is float64, because the gradient that the solver leaves counts
against the budget for removals.
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
"""Gamma, the Lipschitz constant of the logistic loss's second derivative in the margin. It is the largest third derivative,
p (1 - p) |1 - 2 p| at p = 1/2 + 1/sqrt(12). Guo et al. take the coarser 1/4."""
TOLERANCE: Final = 1e-9
"""Norm of a class's gradient at which the solver stops."""
ACCEPTABLE: Final = 1e-6
"""Norm of the gradient that is still an optimum if rounding keeps the solver from going further."""
MOST_STEPS: Final = 100
SMALLEST_STEP: Final = 1e-6
SUFFICIENT_DECREASE: Final = 0.25
"""Share of the decrease promised by a Newton step that the step must bring."""
INEXACT: Final = 1e-3
"""Residual allowed in a Newton step's equation on the way to the optimum, as a share of the gradient's norm."""
MOST_DIRECTIONS: Final = 1000

HessianProduct = Callable[[Tensor], Tensor]
"""Multiplies vectors, one per class (classes, numbers), by the Hessian of their class."""


@dataclass(frozen=True)
class Examples:
    """Examples as the regressions read them."""

    features: Tensor
    """(examples, numbers), float64, each row of norm at most 1"""
    signs: Tensor
    """(examples, classes), float64: 1 for an example's own class, -1 for the others"""

    def __len__(self) -> int:
        return len(self.features)

    def take(self, positions: Sequence[int]) -> Examples:
        """Return only these examples."""
        chosen = torch.as_tensor(positions, dtype=torch.int64, device=self.features.device)
        return Examples(self.features[chosen], self.signs[chosen])


def gradient(weight: Tensor, examples: Examples, regularisation: float) -> Tensor:
    """Return the gradient of the objective without b, per class: (classes, numbers)."""
    margins = examples.signs * (examples.features @ weight.T)  # (examples, classes)
    slopes = -examples.signs * torch.sigmoid(-margins)  # of the loss in the score, (examples, classes)
    return slopes.T @ examples.features + regularisation * len(examples) * weight


@dataclass(frozen=True)
class Majorant:
    """An upper bound of every Hessian over these examples, or over some of them: the Hessian at weights of zero."""

    factor: Tensor
    """Cholesky factor of features^T features / 4 + regularisation x examples, (numbers, numbers)"""
    spectral: Tensor
    """|features|_2, the largest singular value; a scalar"""

    @classmethod
    def of(cls, examples: Examples, regularisation: float) -> Self:
        """Work out the majorant of these examples; it is NaN if they hold a NaN or an infinity."""
        gram = examples.features.T @ examples.features  # (numbers, numbers)
        hessian = gram / 4
        hessian.diagonal().add_(regularisation * len(examples))
        factor, failed = torch.linalg.cholesky_ex(hessian)
        if int(failed):
            return cls(torch.full_like(gram, math.nan), gram.new_tensor(math.nan))
        return cls(factor, torch.linalg.eigvalsh(gram)[-1].clamp(min=0).sqrt())


def solve(examples: Examples, perturbation: Tensor, regularisation: float) -> tuple[Tensor, Tensor]:
    """Find the optimum: weights (classes, numbers), and the norm of the remaining gradient (classes,).

    This is Newton's method, for all classes at once. The step size of a class is halved until its gradient shrinks by a
    share of what the step promises.

    Args:
        examples: what to learn from.
        perturbation: b, (classes, numbers).
        regularisation: lambda.

    Raises:
        TrainingDivergedError: no optimum is found.
    """

    def gradient_at(weight: Tensor) -> Tensor:
        return gradient(weight, examples, regularisation) + perturbation

    majorant = Majorant.of(examples, regularisation)
    weight = torch.zeros_like(perturbation)
    slope = gradient_at(weight)  # (classes, numbers)
    converged = slope.norm(dim=1) <= TOLERANCE  # (classes,)
    for _ in range(MOST_STEPS):
        if bool(converged.all()):
            break

        # 1. Solve H step = gradient, roughly.
        hessian_product = _hessian_product(weight, examples.features, regularisation)
        step = _newton_steps(hessian_product, slope, majorant.factor, INEXACT * slope.norm(dim=1))

        # 2. Go as far along the step as it helps.
        step_size = _step_sizes(weight, step, gradient_at, converged)
        moved = step_size > 0
        weight = torch.where(moved[:, None], weight - step_size[:, None] * step, weight)  # a step may be NaN

        # 3. A class that no step size moves is as far as rounding lets it go.
        slope = gradient_at(weight)
        converged = (slope.norm(dim=1) <= TOLERANCE) | ~moved
    remaining = slope.norm(dim=1)
    if not bool((remaining <= ACCEPTABLE).all()):
        message = (
            "The logistic regressions have no optimum within reach; raise the regularisation, and check that"
            " all features are finite numbers."
        )
        raise TrainingDivergedError(message)
    return weight, remaining


def _step_sizes(weight: Tensor, step: Tensor, gradient_at: Callable[[Tensor], Tensor], converged: Tensor) -> Tensor:
    """Return the step size of each class, (classes,): 1, 1/2, 1/4, ... until its gradient shrinks enough.

    It is 0 for classes that have converged, and for those that rounding keeps from going any further.
    """
    length = gradient_at(weight).norm(dim=1)
    step_size = torch.where(converged, 0.0, 1.0).to(step)
    while True:
        trial = gradient_at(weight - step_size[:, None] * step).norm(dim=1)
        shrunk = trial <= (1 - SUFFICIENT_DECREASE * step_size) * length
        if bool((shrunk | (step_size == 0)).all()):
            return step_size
        step_size = torch.where(shrunk, step_size, step_size / 2)
        step_size[step_size < SMALLEST_STEP] = 0.0


def remove(
    weight: Tensor, kept: Examples, removed: Examples, regularisation: float, majorant: Majorant
) -> tuple[Tensor, Tensor]:
    """Take one Newton step towards the optimum without the removed examples (Guo et al., section 3).

    With H the Hessian over the kept examples at the weights w, D the gradient over the removed ones and v = H^-1 D, the new
    weights are w + v. There, the norm of the objective's gradient over the kept examples exceeds its norm at w over all
    examples by at most gamma |X|_2 |v|_2 |X v|_2 (corollary 1; X: the features of the kept examples) plus the norm of the
    residual H v - D.

    Args:
        weight: w, (classes, numbers).
        kept: the examples that stay.
        removed: the examples to remove.
        regularisation: lambda.
        majorant: of the kept examples, or of more.

    Returns:
        the new weights (classes, numbers), and the bound per class (classes,).
    """
    target = gradient(weight, removed, regularisation)  # D
    hessian_product = _hessian_product(weight, kept.features, regularisation)
    step = _newton_steps(hessian_product, target, majorant.factor, torch.full_like(target[:, 0], TOLERANCE))  # v
    bound = LIPSCHITZ * majorant.spectral * step.norm(dim=1) * (kept.features @ step.T).norm(dim=0)
    residual = hessian_product(step) - target
    return weight + step, bound + residual.norm(dim=1)


def _hessian_product(weight: Tensor, features: Tensor, regularisation: float) -> HessianProduct:
    """Return the Hessian-vector product at these weights.

    The Hessian itself is never built: with many features, that would take far longer than everything else.
    """
    scores = features @ weight.T  # (examples, classes)
    curvature = torch.sigmoid(scores) * torch.sigmoid(-scores)

    def product(vectors: Tensor) -> Tensor:
        return (curvature * (features @ vectors.T)).T @ features + regularisation * len(features) * vectors

    return product


def _newton_steps(hessian_product: HessianProduct, target: Tensor, factor: Tensor, tolerance: Tensor) -> Tensor:
    """Solve H step = target for every class, (classes, numbers), by conjugate gradients preconditioned by the majorant.

    Stops when the norm of each class's residual is within its tolerance (classes,), or when rounding stops it.
    """
    step, residual = torch.zeros_like(target), target.clone()
    preconditioned = torch.cholesky_solve(residual.T, factor).T
    direction = preconditioned
    product = (residual * preconditioned).sum(dim=1)  # (classes,)
    for _ in range(MOST_DIRECTIONS):
        active = (residual.norm(dim=1) > tolerance) & (product > 0)
        if not bool(active.any()):
            break

        # 1. Go along the search direction to the lowest point.
        curved = hessian_product(direction)
        step_size = torch.where(active, product / (direction * curved).sum(dim=1), 0.0)[:, None]
        step, residual = step + step_size * direction, residual - step_size * curved

        # 2. Make the next search direction conjugate to this one.
        preconditioned = torch.cholesky_solve(residual.T, factor).T
        product, previous = (residual * preconditioned).sum(dim=1), product
        direction = preconditioned + torch.where(active, product / previous, 0.0)[:, None] * direction
    return step


def signs_of(labels: Tensor, classes: int) -> Tensor:
    """Turn labels (examples,) into signs (examples, classes)."""
    return 2.0 * F.one_hot(labels, classes).double() - 1.0
