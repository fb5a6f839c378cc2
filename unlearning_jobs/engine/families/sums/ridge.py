"""Ridge regression on one-hot classes, by its normal equations (Hoerl and Kennard 1970)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unlearning_jobs.engine.errors import SpecError

from .sums import Sums

ABSENT = 1e-9
"""Up to this, a feature's sum of squares with the penalty may be only what rounding left of subtracted examples."""
SINGULAR = 1e-12
"""If other features explain all but this share of a feature's squares, rounding would choose its coefficient."""


class Ridge(Sums):
    """scale x (coefficients . x + intercept), with the coefficients that minimise squared errors + penalty x their squares.

    With X the features and a column of ones, and Y the one-hot classes, the sums are X'X and X'Y, and the coefficients are
    (X'X + penalty)^-1 X'Y, with no penalty on the intercept. They are solved for again after every change of the sums.
    """

    per_class: ClassVar[tuple[str, ...]] = ("targets",)
    gram: Tensor
    """(features + 1, features + 1) X'X"""
    targets: Tensor
    """(classes, features + 1) Y'X"""
    coefficients: Tensor
    """(classes, features + 1) the solution, which is not a sum but follows from the sums"""

    def __init__(self, features: int, classes: int, *, penalty: float, scale: float) -> None:
        size = features + 1
        super().__init__(classes, gram=(size, size), targets=(classes, size), coefficients=(classes, size))
        self.penalty, self.scale = penalty, scale

    def contributions(self, x: Tensor, members: Tensor) -> dict[str, Tensor]:
        extended = _with_ones(x)
        return {"gram": extended.T @ extended, "targets": members.T @ extended}

    def never_negative(self) -> Tensor:
        """Return the sum of squared distances of every feature to its mean."""
        return self.gram.diagonal() - self.gram[-1].square() / self.gram[-1, -1].clamp(min=1)

    @torch.no_grad()
    def settle(self) -> None:
        """Check the sums, and solve for the coefficients.

        Raises:
            SpecError: as for all sums; or features depend on each other and the penalty is too small to choose between
                them.
        """
        super().settle()
        matrix = self.gram.clone()
        matrix.diagonal()[:-1] += self.penalty
        squares = matrix.diagonal()
        if bool((squares <= ABSENT).any()):
            raise SpecError(_SINGULAR_MESSAGE)
        units = squares.rsqrt().unsqueeze(-1)  # Jacobi scaling, so that features of any size are solved for equally well
        factor, failed = torch.linalg.cholesky_ex(units * matrix * units.T)
        if bool(failed) or bool((factor.diagonal().square() < SINGULAR).any()):
            raise SpecError(_SINGULAR_MESSAGE)
        self.coefficients.copy_((units * torch.cholesky_solve(units * self.targets.T, factor)).T)

    def scores(self, x: Tensor) -> Tensor:
        return self.scale * _with_ones(x) @ self.coefficients.T


_SINGULAR_MESSAGE = (
    "The matrix of the ridge regression is singular: some features never change or follow from others. Use a recipe with a"
    " larger penalty."
)


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=-1)
