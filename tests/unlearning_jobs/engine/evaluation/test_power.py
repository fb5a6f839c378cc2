"""Power, against the published table, numerical integration and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi, norm, t, ttest_ind

from unlearning_jobs.engine.evaluation.power import minimum_detectable_effect, power_of_t

EFFECTS = (0.5, 0.8, 1.0, 1.5, 2.0, 3.0)
MODELS = {
    0.05: (64, 26, 17, 9, 6, 4),
    0.05 / 40: (136, 55, 36, 18, 11, 7),
    # Published as 49 for an effect of 1: integration below gives a power of 0.808 with 48 models a side already.
    0.05 / 400: (179, 73, 48, 24, 15, 9),
}
CELLS = [(alpha, effect, n) for alpha, row in MODELS.items() for effect, n in zip(EFFECTS, row, strict=True)]


@pytest.mark.parametrize(("alpha", "effect", "models"), CELLS)
def test_so_many_models_a_side_are_the_fewest_with_80_percent_power(alpha: float, effect: float, models: int) -> None:
    assert power_of_t(effect, models, models, alpha=alpha) >= 0.8 > power_of_t(effect, models - 1, models - 1, alpha=alpha)


@pytest.mark.parametrize(
    ("effect", "m", "n", "alpha"), [(1.0, 48, 48, 0.05 / 400), (1.0, 47, 47, 0.05 / 400), (1.5, 4, 8, 0.05)]
)
def test_it_is_the_integral_over_the_estimated_deviation(effect: float, m: int, n: int, alpha: float) -> None:
    freedom, shift = m + n - 2, effect * (m * n / (m + n)) ** 0.5
    critical = t.ppf(1 - alpha / 2, freedom)

    def weighted(s: float) -> float:
        density = chi.pdf(s * freedom**0.5, freedom) * freedom**0.5
        return float(density * (norm.sf(critical * s - shift) + norm.cdf(-critical * s - shift)))

    assert power_of_t(effect, m, n, alpha=alpha) == pytest.approx(quad(weighted, 0, 4)[0], abs=1e-6)


def test_it_is_the_share_of_simulated_tests_that_find_the_effect() -> None:
    rng = np.random.default_rng(5)
    rejected = ttest_ind(rng.normal(1.7, 1, (4, 4000)), rng.normal(size=(8, 4000))).pvalue <= 0.05
    assert power_of_t(1.7, 4, 8, alpha=0.05) == pytest.approx(rejected.mean(), abs=0.025)


def test_without_an_effect_it_is_the_level() -> None:
    assert power_of_t(0.0, 5, 9, alpha=0.05) == pytest.approx(0.05)


@pytest.mark.parametrize(("m", "n"), [(2, 4), (4, 8), (100, 100), (512, 512)])
def test_the_minimum_detectable_effect_is_found_with_just_that_power(m: int, n: int) -> None:
    effect = minimum_detectable_effect(m, n, alpha=0.05)
    assert power_of_t(effect, m, n, alpha=0.05) == pytest.approx(0.8, abs=1e-4)


def test_more_models_find_smaller_effects() -> None:
    assert (
        minimum_detectable_effect(4, 8, alpha=0.05)
        > minimum_detectable_effect(4, 16, alpha=0.05)
        > minimum_detectable_effect(8, 16, alpha=0.05)
    )
    assert minimum_detectable_effect(4, 8, alpha=0.001) > minimum_detectable_effect(4, 8, alpha=0.05)
