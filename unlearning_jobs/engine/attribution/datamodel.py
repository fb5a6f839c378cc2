"""Datamodels: what a model would say had it not seen some examples, learned from models that had not seen others.

After Ilyas et al. 2022, Datamodels, arXiv 2202.00622, whose datamodels are linear in which examples are left out. For each
output (a logit of an example x) and a set R that is left out, here, once what TRAK predicts is taken away,

    shift(R) = w [x in R] + v (steps lost) + u |R| + g(R) + noise,    g a Gaussian process with kernel
    k(R, R') = |R and R'| (1 + sqrt(|R| |R'|) / |R or R'|)

The kernel's first term alone is linear: one weight per example, drawn to zero. The second says that sets which largely
agree have much the same effect, whatever their parts would have alone, which matters for examples that are alike: each can
be spared, all of them cannot. It is the Jaccard similarity, scaled. w is the example's effect on itself, far larger than
those of others; v and u are those of training less. All three are estimated by generalised least squares.
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
"""Variance of the noise, where an example's weight has variance 1."""
SLACK: Final = 1e-3
"""Keeps an effect at zero of which the sets say nothing: the precision of the belief that it is zero."""
EXAMPLES_AT_ONCE: Final = 64
HUNDRED: Final = 100.0
"""Sizes are counted in hundreds, so that all effects are numbers of the same order."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """How many steps an epoch of a recipe has."""

    examples: int
    batch_size: int

    def lost(self, sizes: Array) -> Array:
        """Steps per epoch that fall away without so many examples."""
        whole = math.ceil(self.examples / self.batch_size)
        return np.asarray(whole - np.ceil((self.examples - sizes) / self.batch_size))


@dataclass(frozen=True)
class Datamodel:
    """A fitted datamodel of many outputs, one row of them per example."""

    removed: Removals
    """(models, examples that can be left out)."""
    weights: NDArray[np.float32]
    """(examples, models, outputs): coefficients of the Gaussian process."""
    effects: NDArray[np.float32]
    """(examples, 3, outputs): of leaving out the example itself, of a step lost, and of a hundred examples fewer."""
    schedule: Schedule

    def shift(self, left_out: Removals, rows: Sequence[int]) -> Array:
        """What leaving out each set changes: (sets, rows, outputs), for the examples in these rows."""
        similar = kernel(left_out, self.removed).astype(np.float32)
        own, common = _own(left_out, self.effects.shape[0]), _common(left_out, self.schedule)
        found = np.empty((len(left_out), len(rows), self.effects.shape[2]))
        for place, row in enumerate(rows):
            covariates = np.column_stack([own[:, row], common])
            found[:, place] = similar @ self.weights[row] + covariates @ self.effects[row]
        return found

    def save(self, folder: Path) -> None:
        """Write the parts that are not there yet: `fit` leaves the weights in the folder."""
        np.save(folder / "removed.npy", self.removed)
        np.save(folder / "effects.npy", self.effects)

    @classmethod
    def load(cls, folder: Path, schedule: Schedule) -> Datamodel:
        """The datamodel in the folder; its weights stay on disk and are read row by row."""
        weights = np.load(folder / "weights.npy", mmap_mode="r")
        return cls(np.load(folder / "removed.npy"), weights, np.load(folder / "effects.npy"), schedule)


def fit(removed: Removals, shifts: NDArray[np.floating], schedule: Schedule, folder: Path) -> Datamodel:
    """Fit every output by generalised least squares, with the weights in a file of the folder.

    Args:
        removed: (models, examples that can be left out).
        shifts: (models, examples, outputs); the first examples are those that can be left out, in the same order.
        schedule: of the models' training.
        folder: where to keep the datamodel.
    """
    models, examples, outputs = shifts.shape
    covariance = kernel(removed, removed)
    covariance[np.diag_indices(models)] += NOISE
    inverse = cho_solve(cho_factor(covariance, lower=True), np.eye(models)).astype(np.float32)  # kept in half its size
    own, common = _own(removed, examples), _common(removed, schedule)
    solved_common = inverse @ common
    weights = np.lib.format.open_memmap(
        folder / "weights.npy", mode="w+", dtype=np.float32, shape=(examples, models, outputs)
    )
    effects = np.empty((examples, 1 + common.shape[1], outputs), dtype=np.float32)
    for first in range(0, examples, EXAMPLES_AT_ONCE):
        rows = range(first, min(first + EXAMPLES_AT_ONCE, examples))
        solved_own = inverse @ own[:, rows].astype(np.float32)
        solved = inverse @ shifts[:, rows].reshape(models, -1).astype(np.float32)
        for place, (row, y) in enumerate(zip(rows, np.split(solved, len(rows), axis=1), strict=True)):
            covariates = np.column_stack([own[:, row], common])
            solved_covariates = np.column_stack([solved_own[:, place], solved_common])
            precision = covariates.T @ solved_covariates + SLACK * np.eye(covariates.shape[1])
            effects[row] = np.linalg.solve(precision, covariates.T @ y)
            weights[row] = y - solved_covariates @ effects[row]
    weights.flush()
    return Datamodel(removed, weights, effects, schedule)


def kernel(a: Removals, b: Removals) -> Array:
    """How alike the effects of two sets are thought to be: (sets of a, sets of b)."""
    named = np.flatnonzero(a.any(axis=0))  # one request names a few of very many examples
    both = a[:, named].astype(np.float32) @ b[:, named].astype(np.float32).T
    sizes_a, sizes_b = a.sum(axis=1, dtype=np.float64)[:, None], b.sum(axis=1, dtype=np.float64)[None, :]
    either = np.maximum(sizes_a + sizes_b - both, 1.0)
    return np.asarray(both * (1.0 + np.sqrt(sizes_a * sizes_b) / either), dtype=np.float64)


def _own(left_out: Removals, examples: int) -> Array:
    """Whether each set leaves out the example itself: (sets, examples). Those held out never are."""
    own = np.zeros((len(left_out), examples))
    own[:, : left_out.shape[1]] = left_out
    return own


def _common(left_out: Removals, schedule: Schedule) -> Array:
    """Steps lost, and hundreds of examples fewer: (sets, 2)."""
    sizes = left_out.sum(axis=1).astype(np.float64)
    return np.column_stack([schedule.lost(sizes), sizes / HUNDRED])
