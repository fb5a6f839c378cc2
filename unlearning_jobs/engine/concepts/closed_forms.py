"""ROME and MEMIT as formulas: what is added to a matrix W (outputs, inputs) that turns keys into values.

C is the second moment of the keys of everything else, (inputs, inputs): what may change least.
"""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-4
"""Of the mean eigenvalue of C, which is added to all of them: few texts give keys in fewer directions than there are."""


def rome_update(weight: Tensor, key: Tensor, value: Tensor, moment: Tensor) -> Tensor:
    """Return the D of least tr(D C D') with (W + D) k = v (Meng et al. 2022, arXiv 2202.05262, equation 2).

    D = (v - W k) (C^-1 k)' / k' C^-1 k, of rank one.

    Args:
        weight: W, (outputs, inputs).
        key: k, (inputs,).
        value: v, (outputs,).
        moment: C, (inputs, inputs), positive definite.
    """
    direction = torch.linalg.solve(moment, key)  # (inputs,)
    return torch.outer(value - weight @ key, direction / (key @ direction))


def memit_update(keys: Tensor, residuals: Tensor, moment: Tensor, preservation: float) -> Tensor:
    """Return the D of least |D K - R|^2 + p tr(D C D') (Meng et al. 2023, arXiv 2210.07229, equation 14).

    D = R K' (p C + K K')^-1.

    Args:
        keys: K, (inputs, edits).
        residuals: R, what W is to add to its values, (outputs, edits).
        moment: C, (inputs, inputs), positive definite.
        preservation: p; the paper's lambda.
    """
    transposed: Tensor = torch.linalg.solve(preservation * moment + keys @ keys.T, keys @ residuals.T)
    return transposed.T


def regularised(moment: Tensor) -> Tensor:
    """Return C with `RIDGE` of its mean eigenvalue on the diagonal, so that it can be solved with."""
    size = len(moment)
    return moment + RIDGE * moment.trace() / size * torch.eye(size, dtype=moment.dtype, device=moment.device)
