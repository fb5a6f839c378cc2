"""Logistic regressions solved to optimality, and the bound on what a removal leaves, against the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families.one_vs_rest import LIPSCHITZ, Examples, Majorant, gradient, remove, signs_of, solve

PROBLEMS = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.01, 0.1]), st.sampled_from([0.1, 1.0, 5.0]), st.integers(1, 6)
)


def problem(seed: int, *, examples: int = 60, numbers: int = 5, classes: int = 3) -> tuple[Examples, Tensor]:
    """Random features of norm at most 1, labels that have to do with them, and a standard normal perturbation."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(examples, numbers))
    features /= np.maximum(1, np.linalg.norm(features, axis=1, keepdims=True))
    labels = (features @ rng.normal(size=(numbers, classes)) + 0.3 * rng.normal(size=(examples, classes))).argmax(1)
    signs = signs_of(torch.from_numpy(labels), classes)
    return Examples(torch.from_numpy(features), signs), torch.from_numpy(rng.normal(size=(classes, numbers)))


def objective(weight: Tensor, examples: Examples, b: Tensor, regularisation: float) -> Tensor:
    """The sum over classes, from its definition."""
    losses = torch.log1p(torch.exp(-examples.signs * (examples.features @ weight.T)))
    return losses.sum() + regularisation * len(examples) / 2 * weight.square().sum() + (b * weight).sum()


def test_the_gradient_is_that_of_the_objective() -> None:
    examples, b = problem(1)
    weight = torch.randn(b.shape, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(objective(weight, examples, b, 0.03), weight)
    assert torch.allclose(gradient(weight.detach(), examples, 0.03) + b, expected, atol=1e-12)


@pytest.mark.parametrize(("seed", "regularisation"), [(1, 0.001), (2, 0.01), (3, 0.1)])
def test_the_optimum_is_the_one_that_lbfgs_finds(seed: int, regularisation: float) -> None:
    examples, b = problem(seed)
    weight, residual = solve(examples, b, regularisation)
    features, signs = examples.features.numpy(), examples.signs.numpy()
    for k in range(3):

        def loss(w: np.ndarray, k: int = k) -> float:
            losses = np.logaddexp(0, -signs[:, k] * (features @ w))
            return float(losses.sum() + regularisation * len(features) / 2 * w @ w + b[k].numpy() @ w)

        found = minimize(loss, np.zeros(5), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
        assert np.allclose(weight[k], found.x, atol=1e-4)
        assert loss(weight[k].numpy()) <= found.fun + 1e-12
    assert float(residual.max()) <= 1e-9
    assert torch.allclose((gradient(weight, examples, regularisation) + b).norm(dim=1), residual, atol=1e-12)


def test_gamma_is_the_largest_third_derivative_of_the_logistic_loss() -> None:
    z = torch.linspace(-10, 10, 200_001, dtype=torch.float64)
    p = torch.sigmoid(z)
    steepest = float((p * (1 - p) * (1 - 2 * p)).abs().max())
    assert steepest <= LIPSCHITZ
    assert steepest == pytest.approx(LIPSCHITZ, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(PROBLEMS)
def test_the_bound_holds_however_examples_are_taken_out(drawn: tuple[int, float, float, int]) -> None:
    seed, regularisation, perturbation, together = drawn
    examples, b = problem(seed)
    b = perturbation * b
    weight, bound = solve(examples, b, regularisation)
    majorant = Majorant.of(examples, regularisation)
    for first in range(0, 8, together):
        last = min(8, first + together)
        kept, removed_examples = examples.take(range(last, 60)), examples.take(range(first, last))
        weight, more = remove(weight, kept, removed_examples, regularisation, majorant)
        bound = bound + more
        left = (gradient(weight, kept, regularisation) + b).norm(dim=1)
        assert bool((left <= bound).all())


@settings(max_examples=10, deadline=None)
@given(PROBLEMS)
def test_the_distance_to_the_true_optimum_is_what_the_bound_allows(drawn: tuple[int, float, float, int]) -> None:
    """An objective that is mu-strongly convex: |w - w*| <= |gradient at w| / mu."""
    seed, regularisation, perturbation, together = drawn
    examples, b = problem(seed)
    b = perturbation * b
    weight, left = solve(examples, b, regularisation)
    kept, removed_examples = examples.take(range(together, 60)), examples.take(range(together))
    weight, more = remove(weight, kept, removed_examples, regularisation, Majorant.of(kept, regularisation))
    optimum, _ = solve(kept, b, regularisation)
    distance = (weight - optimum).norm(dim=1)
    assert bool((distance <= (left + more) / (regularisation * len(kept)) + 1e-9).all())


def test_a_newton_step_brings_the_weights_nearer_to_the_optimum_than_doing_nothing() -> None:
    examples, b = problem(7)
    weight, _ = solve(examples, b, 0.01)
    kept, removed_examples = examples.take(range(3, 60)), examples.take(range(3))
    optimum, _ = solve(kept, b, 0.01)
    removed, _ = remove(weight, kept, removed_examples, 0.01, Majorant.of(examples, 0.01))
    assert float((removed - optimum).norm()) < 0.1 * float((weight - optimum).norm())


def test_a_removal_is_the_newton_step_of_the_dense_hessian() -> None:
    examples, b = problem(8)
    weight, _ = solve(examples, b, 0.01)
    kept, removed_examples = examples.take(range(3, 60)), examples.take(range(3))
    removed, _ = remove(weight, kept, removed_examples, 0.01, Majorant.of(examples, 0.01))
    for k in range(3):
        p = torch.sigmoid(kept.features @ weight[k])
        hessian = kept.features.T @ (kept.features * (p * (1 - p))[:, None]) + 0.01 * len(kept) * torch.eye(
            5, dtype=torch.float64
        )
        step = torch.linalg.solve(hessian, gradient(weight, removed_examples, 0.01)[k])
        assert torch.allclose(removed[k], weight[k] + step, atol=1e-9)


def test_no_hessian_exceeds_the_majorant() -> None:
    examples, b = problem(9)
    majorant, weight = Majorant.of(examples, 0.01), solve(examples, b, 0.01)[0]
    features = examples.features[5:]
    p = torch.sigmoid(features @ weight[0])
    hessian = features.T @ (features * (p * (1 - p))[:, None]) + 0.01 * len(features) * torch.eye(5, dtype=torch.float64)
    assert bool((torch.linalg.eigvalsh(majorant.factor @ majorant.factor.T - hessian) >= 0).all())
    assert float(majorant.spectral) >= float(torch.linalg.matrix_norm(features, 2))


def test_classes_that_end_at_different_times_end_at_their_optimum() -> None:
    """The second class is at its optimum from the start."""
    examples, b = problem(10)
    b[1] = -gradient(torch.zeros_like(b), examples, 0.01)[1]
    weight, left = solve(examples, b, 0.01)
    assert bool((weight[1] == 0).all())
    assert float(left.max()) <= 1e-9
    assert bool((weight[[0, 2]].norm(dim=1) > 0).all())


def test_examples_that_are_not_numbers_have_no_optimum() -> None:
    examples, b = problem(1)
    examples.features[0, 0] = float("nan")
    with pytest.raises(TrainingDivergedError, match="no optimum"):
        solve(examples, b, 0.01)
