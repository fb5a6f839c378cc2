"""The epsilon of private training that verification computes is that of the engine's accountant, and of what is proved."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from compliance.evidence.agreements.certificates import UPPER_END, accounted_alike
from compliance.evidence.recomputed.privacy import training_epsilon
from compliance.formats.certificates import LEAST_DELTA, MOST_DELTA
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.training.private import privacy_loss


def private(noise: float, batch: int, epochs: int, delta: float) -> Recipe:
    return Recipe("classifier", ClassifierArchitecture("mlp"), epochs, batch, 0.1, privacy=Privacy(noise, delta=delta))


@pytest.mark.parametrize(
    ("noise", "batch", "epochs", "examples", "delta"),
    [
        (2.0, 64, 39, 1437, 1e-5),
        (0.7, 50, 1, 1000, 1e-5),
        (1.0, 20, 20, 20_000, 1e-8),
        (8.0, 1, 1, 20_000, 1e-3),
        (5.0, 100, 40, 40, 1e-6),
        (0.7, 10, 1, 20_000, LEAST_DELTA),
        (3.0, 1, 2, 2_000, LEAST_DELTA),
        (20.0, 10, 1, 20_000, MOST_DELTA),
    ],
    ids=[
        "digits",
        "little noise, few steps",
        "thousands of steps",
        "single examples",
        "everybody in every batch",
        "the smallest delta, little noise",
        "the smallest delta, more noise",
        "the largest delta",
    ],
)
def test_it_is_that_of_the_engines_accountant(noise: float, batch: int, epochs: int, examples: int, delta: float) -> None:
    stated = privacy_loss(private(noise, batch, epochs, delta), examples)
    computed = training_epsilon(noise, stated.sampling_rate, stated.steps, delta)
    assert computed <= stated.epsilon <= computed + UPPER_END / 2
    assert accounted_alike(stated.epsilon, computed)
    assert not accounted_alike(computed * 0.97, computed) or computed == 0


@pytest.mark.parametrize(("noise", "steps"), [(2.0, 1), (5.0, 40), (40.0, 25)])
def test_with_everybody_in_every_batch_it_is_that_of_one_gaussian_mechanism(noise: float, steps: int) -> None:
    """Balle and Wang 2018, theorem 8."""
    mu = math.sqrt(steps) / noise

    def delta(epsilon: float) -> float:
        return float(norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))

    exact = brentq(lambda epsilon: delta(epsilon) - 1e-5, 1e-3, 50)
    assert training_epsilon(noise, 1.0, steps, 1e-5) == pytest.approx(exact, rel=1e-3)


def test_more_noise_costs_less_and_more_steps_cost_more() -> None:
    less, usual, more = (training_epsilon(noise, 0.1, steps, 1e-5) for noise, steps in ((3.0, 60), (2.0, 60), (2.0, 90)))
    assert less < usual < more


@pytest.mark.parametrize(("noise", "steps"), [(1e-4, 3), (0.1, 1000), (2.0, 10**12)])
def test_hardly_any_noise_promises_nothing_and_takes_no_time(noise: float, steps: int) -> None:
    assert training_epsilon(noise, 0.4, steps, 1e-5) == math.inf


@pytest.mark.parametrize("stated", [0.0, math.nan, -1.0])
def test_no_epsilon_is_accounted_for_by_no_number(stated: float) -> None:
    assert not accounted_alike(stated, training_epsilon(2.0, 0.1, 60, 1e-5))
