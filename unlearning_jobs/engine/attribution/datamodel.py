"""Datamodels: predict the outputs of a model trained without some examples, from models trained without others.

This follows Ilyas et al. 2022, Datamodels, arXiv 2202.00622, whose datamodels are linear in the examples that are left out.
Here, for each output (a logit of an example x) and a set R that is left out, the residual of TRAK's prediction is

    shift(R) = w [x in R] + v (steps lost) + u |R| + g(R) + noise,    where g is a Gaussian process with kernel
    k(R, R') = |R and R'| (1 + sqrt(|R| |R'|) / |R or R'|)

The kernel's first term alone is linear: one weight per example, shrunk to zero. The second, a scaled Jaccard similarity,
says that sets which largely agree have much the same effect, whatever the effects of their parts. This matters for examples
that resemble each other: the model can do without any one of them, but not without all. w is the example's effect on
itself, far larger than that of other examples; v and u are the effects of less training. All three are estimated by
generalised least squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from .removals import Removals

NOISE: Final = 10.0
"""Variance of the noise, relative to the variance of an example's weight."""
SLACK: Final = 1e-3
"""Prior precision of w, v and u. It keeps an effect at zero if the sets say nothing about it."""
EXAMPLES_AT_ONCE: Final = 64
HUNDRED: Final = 100.0
"""Sizes are counted in hundreds, so that all effects have the same order of magnitude."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """The number of steps in an epoch of a recipe."""

    examples: int
    batch_size: int

    def lost(self, sizes: Array) -> Array:
        """Return how many steps per epoch are lost when this many examples are left out."""
        steps = math.ceil(self.examples / self.batch_size)
        return np.asarray(steps - np.ceil((self.examples - sizes) / self.batch_size))


@dataclass(frozen=True)
class Datamodel:
    """A fitted datamodel, with one row of outputs per example."""

    removed: Removals
    """(models, known examples): which examples each model was trained without."""
    weights: NDArray[np.float32]
    """(examples, models, outputs): coefficients of the Gaussian process"""
    effects: NDArray[np.float32]
    """(examples, 3, outputs): effects of leaving out the example itself, of a lost step, and of a hundred examples fewer"""
    schedule: Schedule

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """Predict the shifts caused by leaving out each set, for the examples in these rows: (sets, rows, outputs)."""
        similarity = kernel(left_out, self.removed).astype(np.float32)  # (sets, models)
        itself, common = _itself(left_out, self.effects.shape[0]), _common(left_out, self.schedule)
        shifts = np.empty((len(left_out), len(rows), self.effects.shape[2]))
        for i, row in enumerate(rows):
            covariates = np.column_stack([itself[:, row], common])  # (sets, 3)
            shifts[:, i] = similarity @ self.weights[row] + covariates @ self.effects[row]
        return shifts

    def save(self, folder: Path) -> None:
        """Write the datamodel to the folder, which already holds the weights: `fit` writes them there."""
        np.save(folder / "removed.npy", self.removed)
        np.save(folder / "effects.npy", self.effects)

    @classmethod
    def load(cls, folder: Path, schedule: Schedule) -> Datamodel:
        """Load the datamodel in the folder. Its weights stay on disk and are read row by row."""
        weights = np.load(folder / "weights.npy", mmap_mode="r")
        return cls(np.load(folder / "removed.npy"), weights, np.load(folder / "effects.npy"), schedule)


def fit(removed: Removals, shifts: NDArray[np.floating], schedule: Schedule, folder: Path) -> Datamodel:
    """Fit every output by generalised least squares, and write the weights to a file in the folder.

    Args:
        removed: which examples each model was trained without (models, known examples).
        shifts: (models, examples, outputs); the known examples come first, in the same order.
        schedule: schedule of the models' training.
        folder: folder for the datamodel.
    """
    models, examples, outputs = shifts.shape
    # 1. The covariance of the models' outputs is the same for all examples, so it is inverted once.
    covariance = kernel(removed, removed)  # (models, models)
    covariance[np.diag_indices(models)] += NOISE
    inverse = cho_solve(cho_factor(covariance, lower=True), np.eye(models)).astype(np.float32)  # halves the memory
    itself, common = _itself(removed, examples), _common(removed, schedule)
    solved_common = inverse @ common  # (models, 2)
    weights = np.lib.format.open_memmap(
        folder / "weights.npy", mode="w+", dtype=np.float32, shape=(examples, models, outputs)
    )
    effects = np.empty((examples, 1 + common.shape[1], outputs), dtype=np.float32)
    for first in range(0, examples, EXAMPLES_AT_ONCE):
        rows = range(first, min(first + EXAMPLES_AT_ONCE, examples))
        # 2. Multiply covariates and shifts by the inverse, for a chunk of examples at once.
        solved_itself = inverse @ itself[:, rows].astype(np.float32)  # (models, rows)
        solved_shifts = inverse @ shifts[:, rows].reshape(models, -1).astype(np.float32)  # (models, rows x outputs)
        # 3. Solve for the effects w, v and u of each example, then for its weights.
        for i, (row, y) in enumerate(zip(rows, np.split(solved_shifts, len(rows), axis=1), strict=True)):
            covariates = np.column_stack([itself[:, row], common])  # (models, 3)
            solved_covariates = np.column_stack([solved_itself[:, i], solved_common])  # (models, 3)
            precision = covariates.T @ solved_covariates + SLACK * np.eye(covariates.shape[1])
            effects[row] = np.linalg.solve(precision, covariates.T @ y)
            weights[row] = y - solved_covariates @ effects[row]
    weights.flush()
    return Datamodel(removed, weights, effects, schedule)


def kernel(a: Removals, b: Removals) -> Array:
    """Return the prior covariance of the effects of two sets: (sets of a, sets of b)."""
    used = np.flatnonzero(a.any(axis=0))  # a request names few of very many examples, so most columns are zero
    both = a[:, used].astype(np.float32) @ b[:, used].astype(np.float32).T  # sizes of the intersections
    sizes_a, sizes_b = a.sum(axis=1, dtype=np.float64)[:, None], b.sum(axis=1, dtype=np.float64)[None, :]
    either = np.maximum(sizes_a + sizes_b - both, 1.0)
    return np.asarray(both * (1.0 + np.sqrt(sizes_a * sizes_b) / either), dtype=np.float64)


def _itself(left_out: Removals, examples: int) -> Array:
    """Return whether each set leaves out the example itself: (sets, examples). Held-out examples never are."""
    itself = np.zeros((len(left_out), examples))
    itself[:, : left_out.shape[1]] = left_out
    return itself


def _common(left_out: Removals, schedule: Schedule) -> Array:
    """Return the lost steps and the hundreds of left-out examples: (sets, 2)."""
    sizes = left_out.sum(axis=1).astype(np.float64)
    return np.column_stack([schedule.lost(sizes), sizes / HUNDRED])
