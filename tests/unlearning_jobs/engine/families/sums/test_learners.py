"""Every learner, against the same model worked out from the examples themselves with numpy, without sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from scipy.stats import norm

from unlearning_jobs.engine.contracts import SumsArchitecture
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.sums import Sums, make_sums

Numbers = NDArray[np.float64]
SIZE, FEATURES, CLASSES = 60, 4, 3
rng = np.random.default_rng(7)
labels = rng.integers(CLASSES, size=SIZE)
points: Numbers = rng.normal(size=(CLASSES, FEATURES))[labels] + rng.normal(size=(SIZE, FEATURES))
baskets: Numbers = (rng.random((SIZE, FEATURES)) < 0.4).astype(float)


def predict(architecture: SumsArchitecture, x: Numbers, y: NDArray[np.int64] = labels) -> Numbers:
    sums: Sums = make_sums(architecture, x.shape[1], CLASSES)
    sums.add(torch.from_numpy(x), torch.from_numpy(y))
    sums.settle()
    found: Numbers = sums(torch.from_numpy(x)).numpy()
    return found


def test_naive_bayes_is_the_log_joint_of_normal_densities() -> None:
    smoothing, floor = 2.0, 0.01
    joint = []
    for kind in range(CLASSES):
        own = points[labels == kind]
        # The class with so many more examples, spread as all are.
        weights = np.r_[np.ones(len(own)), np.full(SIZE, smoothing / SIZE)]
        mean = np.average(np.r_[own, points], axis=0, weights=weights)
        variance = np.average((np.r_[own, points] - mean) ** 2, axis=0, weights=weights) + floor
        prior = (len(own) + smoothing) / (SIZE + CLASSES * smoothing)
        joint.append(np.log(prior) + np.sum(norm.logpdf(points, mean, np.sqrt(variance)), axis=1))
    found = predict(SumsArchitecture("naive_bayes", smoothing=smoothing, variance_floor=floor), points)
    assert found == pytest.approx(log_softmax(np.stack(joint, axis=1), axis=1), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("penalty", [0.0, 0.5, 100.0])
def test_ridge_is_least_squares_with_rows_for_the_penalty(penalty: float) -> None:
    # min |Y - [X 1] W|^2 + penalty |W without intercept|^2 is ordinary least squares with sqrt(penalty) I appended.
    rows = np.r_[np.c_[points, np.ones(SIZE)], np.sqrt(penalty) * np.eye(FEATURES, FEATURES + 1)]
    targets = np.r_[np.eye(CLASSES)[labels], np.zeros((FEATURES, CLASSES))]
    coefficients = np.linalg.lstsq(rows, targets, rcond=None)[0]
    expected = 5 * (np.c_[points, np.ones(SIZE)] @ coefficients)
    found = predict(SumsArchitecture("ridge", penalty=penalty, scale=5.0), points)
    assert found == pytest.approx(log_softmax(expected, axis=1), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "column", [np.zeros(SIZE), np.ones(SIZE), points[:, 0] - 2 * points[:, 1]], ids=["zero", "one", "sum"]
)
def test_ridge_without_a_penalty_refuses_features_that_follow_from_others(column: Numbers) -> None:
    dependent = np.c_[points, column]
    with pytest.raises(SpecError, match="larger penalty"):
        predict(SumsArchitecture("ridge", penalty=0.0), dependent)
    assert np.isfinite(predict(SumsArchitecture("ridge", penalty=0.1), dependent)).all()


def test_forgetting_may_make_ridge_singular_which_is_said() -> None:
    sums = make_sums(SumsArchitecture("ridge", penalty=0.0), FEATURES, CLASSES)
    x, y = torch.from_numpy(points), torch.from_numpy(labels)
    sums.add(x, y)
    sums.settle()
    sums.subtract(x[FEATURES:], y[FEATURES:])  # leaves fewer examples than coefficients
    with pytest.raises(SpecError, match="larger penalty"):
        sums.settle()


def test_nearest_mean_measures_squared_distances_in_units_of_the_inertia() -> None:
    smoothing, floor = 0.5, 0.02
    classes = [points[labels == kind] for kind in range(CLASSES)]
    inertia = sum(((own - own.mean(axis=0)) ** 2).sum() for own in classes)
    variance = inertia / (SIZE * FEATURES) + floor
    means = [(own.sum(axis=0) + smoothing * points.mean(axis=0)) / (len(own) + smoothing) for own in classes]
    scores = -((points[:, None] - np.stack(means)) ** 2).sum(axis=-1) / (2 * variance)
    found = predict(SumsArchitecture("nearest_mean", smoothing=smoothing, variance_floor=floor), points)
    assert found == pytest.approx(log_softmax(scores, axis=1), rel=1e-9, abs=1e-9)


def test_the_recommender_averages_conditional_shares_over_the_basket() -> None:
    smoothing = 1.5
    share = [(np.sum(labels == c) + smoothing) / (SIZE + CLASSES * smoothing) for c in range(CLASSES)]
    expected = np.empty((SIZE, CLASSES))
    for place, basket in enumerate(baskets):
        for c in range(CLASSES):
            given = [
                (np.sum(baskets[labels == c, item]) + smoothing * share[c]) / (np.sum(baskets[:, item]) + smoothing)
                for item in np.flatnonzero(basket)
            ]
            expected[place, c] = np.log(np.mean(given) if given else share[c])
    assert not baskets.any(axis=1).all(), "one basket is empty"
    found = predict(SumsArchitecture("co_occurrence", smoothing=smoothing), baskets)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_recommender_puts_first_what_was_chosen_together() -> None:
    baskets = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = predict(SumsArchitecture("co_occurrence"), baskets, np.array([2, 2, 1, 0]))
    assert found.argmax(axis=1).tolist() == [2, 2, 1, 0]
