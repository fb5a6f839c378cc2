"""The Gaussian KL, against numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from unlearning_jobs.engine.evaluation.metrics.gaussian_kl import gaussian_kl


def test_it_is_the_integral_that_defines_it(rng: np.random.Generator) -> None:
    unlearned, oracles = rng.normal(0.3, 1.2, size=(12, 1)), rng.normal(0.0, 0.8, size=(9, 1))
    p = norm(unlearned.mean(), unlearned.std(ddof=1))
    q = norm(oracles.mean(), oracles.std(ddof=1))
    integral, _error = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -15, 15)
    assert gaussian_kl(unlearned, oracles)[0] == pytest.approx(integral, rel=1e-6)


def test_the_same_models_are_at_zero(rng: np.random.Generator) -> None:
    margins = rng.normal(size=(8, 5))
    assert gaussian_kl(margins, margins) == pytest.approx(np.zeros(5), abs=1e-12)


def test_it_approaches_the_closed_form_with_many_models(rng: np.random.Generator) -> None:
    """Unit variances, means d apart: d squared over 2."""
    divergences = gaussian_kl(rng.normal(1.5, 1, size=(20_000, 4)), rng.normal(size=(20_000, 4)))
    assert divergences == pytest.approx(np.full(4, 1.5**2 / 2), rel=0.06)


def test_models_without_any_spread_give_a_number() -> None:
    assert np.isfinite(gaussian_kl(np.zeros((4, 1)), np.ones((4, 1)))).all()
