"""A datamodel is the generalised least squares that its docstring says, and finds what was put into the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unlearning_jobs.engine.attribution.datamodel import NOISE, SLACK, Datamodel, Schedule, fit, kernel

KNOWN, HELD_OUT, MODELS, OUTPUTS = 12, 3, 400, 2
SCHEDULE = Schedule(KNOWN, 4)


@pytest.fixture
def removed() -> NDArray[np.bool_]:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, MODELS)
    rows = np.zeros((MODELS, KNOWN), dtype=np.bool_)
    for row, size in zip(rows, sizes, strict=True):
        row[rng.choice(KNOWN, size, replace=False)] = True
    return rows


def test_effects_that_add_up_are_found(removed: NDArray[np.bool_], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    effects = rng.normal(size=(KNOWN, KNOWN + HELD_OUT, OUTPUTS))
    shifts = np.einsum("mk,keo->meo", removed, effects)
    datamodel = fit(removed, shifts, SCHEDULE, tmp_path)
    new = np.zeros((1, KNOWN), dtype=np.bool_)
    new[0, [2, 3, 7]] = True
    rows = range(KNOWN + HELD_OUT)
    expected = np.einsum("mk,keo->meo", new, effects)
    assert np.abs(datamodel.shift(new, rows) - expected).max() < 0.15 * np.abs(expected).max()


def test_it_equals_least_squares_with_a_dense_covariance(removed: NDArray[np.bool_], tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    shifts = rng.normal(size=(MODELS, KNOWN, 1))
    left_out = removed[:5]
    predicted = fit(removed, shifts, SCHEDULE, tmp_path).shift(left_out, [4])[:, 0, 0]

    sizes = removed.sum(axis=1)
    steps = 3 - np.ceil((KNOWN - sizes) / 4)
    c = np.column_stack([removed[:, 4], steps, sizes / 100]).astype(float)
    covariance = _kernel_by_sets(removed, removed) + NOISE * np.eye(MODELS)
    prior = np.eye(3) / SLACK  # the same model, written as one Gaussian over effects and process together
    joint = covariance + c @ prior @ c.T
    across = _kernel_by_sets(left_out, removed) + c[:5] @ prior @ c.T
    assert np.allclose(predicted, across @ np.linalg.solve(joint, shifts[:, 4, 0]), atol=1e-3)


def _kernel_by_sets(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.float64]:
    sets_a, sets_b = ([set(np.flatnonzero(row).tolist()) for row in rows] for rows in (a, b))
    return np.array(
        [[len(x & y) * (1 + np.sqrt(len(x) * len(y)) / max(1, len(x | y))) for y in sets_b] for x in sets_a], dtype=float
    )


def test_the_kernel_is_that_of_sets_and_a_covariance(removed: NDArray[np.bool_]) -> None:
    similarity = kernel(removed[:60], removed[:60])
    assert np.allclose(similarity, _kernel_by_sets(removed[:60], removed[:60]))
    assert np.linalg.eigvalsh(similarity).min() > -1e-6


def test_leaving_out_nothing_changes_nothing(removed: NDArray[np.bool_], tmp_path: Path) -> None:
    shifts = np.random.default_rng(3).normal(size=(MODELS, KNOWN, OUTPUTS))
    nothing = np.zeros((1, KNOWN), dtype=np.bool_)
    assert np.array_equal(
        fit(removed, shifts, SCHEDULE, tmp_path).shift(nothing, range(KNOWN)), np.zeros((1, KNOWN, OUTPUTS))
    )


def test_it_is_read_back_as_it_was_kept(removed: NDArray[np.bool_], tmp_path: Path) -> None:
    shifts = np.random.default_rng(4).normal(size=(MODELS, KNOWN + HELD_OUT, OUTPUTS))
    fitted = fit(removed, shifts, SCHEDULE, tmp_path)
    fitted.save(tmp_path)
    read = Datamodel.load(tmp_path, SCHEDULE)
    assert np.array_equal(read.shift(removed[:3], [0, 14]), fitted.shift(removed[:3], [0, 14]))


@pytest.mark.parametrize(("sizes", "lost"), [([0, 1, 4], [0, 0, 1]), ([11, 12], [2, 3])])
def test_a_schedule_counts_whole_steps(sizes: list[int], lost: list[int]) -> None:
    assert SCHEDULE.lost(np.array(sizes, dtype=float)).tolist() == lost
