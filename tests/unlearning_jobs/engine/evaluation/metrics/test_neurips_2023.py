"""The competition's score where its answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.evaluation.metrics.neurips_2023 import (
    LARGEST,
    NeurIPS2023,
    example_epsilons,
    forgetting_quality,
    lower_epsilons,
    supported_epsilon,
)
from unlearning_jobs.engine.evaluation.outputs import Outputs


def test_groups_without_overlap_are_at_the_largest_epsilon() -> None:
    assert example_epsilons(np.arange(20.0)[:, None], np.arange(100.0, 120.0)[:, None]) == pytest.approx([LARGEST])


def test_a_deterministic_method_is_told_by_its_narrowness(rng: np.random.Generator) -> None:
    assert example_epsilons(np.full((30, 1), 0.5), rng.normal(size=(30, 1))) == pytest.approx([LARGEST])


def best_resolved(d: float, models: int) -> float:
    """Largest ln((1 - a) / b) of a threshold between N(d, 1) and N(0, 1), both errors at least 1 / models."""
    t = np.linspace(d + norm.ppf(1 / models), -norm.ppf(1 / models), 1000)
    a, b = norm.sf(t), norm.cdf(t - d)
    return float(max(np.log((1 - a) / b).max(), np.log((1 - b) / a).max()))


@pytest.mark.parametrize(("d", "models"), [(0.5, 400), (1.0, 400), (2.0, 1000)])
def test_estimate_and_lower_bound_bracket_the_analytic_epsilon_of_shifted_normals(
    rng: np.random.Generator, d: float, models: int
) -> None:
    """The best of many noisy attacks lies above what the best threshold truly reaches, the bound below."""
    unlearned, oracles = rng.normal(d, 1, size=(models, 40)), rng.normal(size=(models, 40))
    analytic = best_resolved(d, models)
    assert np.quantile(lower_epsilons(unlearned, oracles), 0.95) <= analytic
    assert analytic <= np.median(example_epsilons(unlearned, oracles)) < math.log(models)


def test_the_lower_bound_is_wrong_in_at_most_one_example_of_twenty(rng: np.random.Generator) -> None:
    """Between equal distributions the truth is 0."""
    wrong = (lower_epsilons(rng.normal(size=(60, 1000)), rng.normal(size=(60, 1000))) > 0).sum()
    assert wrong <= binom.ppf(0.999, 1000, 0.05)


def test_the_lower_bound_comes_close_to_the_attack_it_is_of(rng: np.random.Generator) -> None:
    """Errors of Phi(-1) on both sides, in either direction, with many models."""
    expected = math.log(norm.cdf(1) / norm.cdf(-1))
    for d in (2.0, -2.0):
        epsilons = lower_epsilons(rng.normal(d, 1, size=(20_000, 3)), rng.normal(size=(20_000, 3)))
        assert epsilons == pytest.approx(np.full(3, expected), abs=0.12)
        assert (epsilons < expected + 0.02).all()


def test_halfway_between_two_normals_is_never_the_best_threshold(rng: np.random.Generator) -> None:
    """Both error rates are Phi(-d / 2) there: what every example's epsilon has to reach."""
    epsilons = example_epsilons(rng.normal(1, 1, size=(2000, 8)), rng.normal(0, 1, size=(2000, 8)))
    assert (epsilons >= math.log(norm.cdf(0.5) / norm.cdf(-0.5)) - 0.1).all()


def test_two_thresholds_find_a_group_that_is_wider_on_both_sides(rng: np.random.Generator) -> None:
    wide, narrow = rng.normal(0, 3, size=(500, 1)), rng.normal(0, 1, size=(500, 1))
    share = 2 * norm.cdf(-2.5 / 3)  # of the wide one beyond ± 2.5, where the narrow one hardly is
    assert example_epsilons(wide, narrow)[0] > math.log(share / (2 * norm.cdf(-2.5))) - 1


def test_the_groups_may_change_places(rng: np.random.Generator) -> None:
    first, second = rng.normal(1, 1, size=(60, 5)), rng.normal(0, 2, size=(60, 5))
    assert example_epsilons(first, second) == pytest.approx(example_epsilons(second, first))


def test_quality_halves_with_every_half_of_epsilon_and_ends_at_what_can_be_resolved() -> None:
    assert forgetting_quality(np.array([0.0, 0.49, 0.5, 1.2]), 512) == pytest.approx((1 + 1 + 0.5 + 0.25) / 4)
    assert forgetting_quality(np.array([6.9]), 512) == pytest.approx(2**-13)
    assert forgetting_quality(np.array([7.0, 50.0]), 512) == 0.0


@pytest.mark.parametrize(
    ("models", "bound"), [(8, 0.53), (16, 1.35), (32, 2.10), (50, 2.57), (100, 3.28), (512, 4.93), (1000, 5.60)]
)
def test_what_so_many_models_can_support_is_the_published_table(models: int, bound: float) -> None:
    assert supported_epsilon(models) == pytest.approx(bound, abs=0.006)


def test_four_models_support_no_epsilon_at_all() -> None:
    assert supported_epsilon(4) == 0.0


def outputs_at(rng: np.random.Generator, level: float, accuracy: float) -> Outputs:
    outputs = Outputs()
    for group, count, shift, right in (
        ("original", 20, 6.0, 1.0),
        ("unlearned", 20, level, accuracy),
        ("oracle", 40, 0.0, 0.8),
    ):
        add_group(outputs, group, "forget", 1, {"margin": rng.normal(shift, 1, (count, 12))})  # type: ignore[arg-type]  # a literal
        for name in ("retain", "held_out"):
            known = {"margin": np.zeros((count, 50)), "accuracy": (rng.uniform(size=(count, 50)) < right).astype(float)}
            add_group(outputs, group, name, 1, known)  # type: ignore[arg-type]  # a literal
    return outputs


def test_like_oracles_it_scores_as_oracles_do_and_doing_nothing_far_below(rng: np.random.Generator) -> None:
    forget, retain, held_out = NeurIPS2023().findings(outputs_at(rng, 0.0, 0.8))
    assert min(forget.oracles) - 0.1 <= forget.unlearned <= max(forget.oracles) + 0.1
    assert 0 < min(forget.oracles) <= max(forget.oracles) < 1
    assert forget.original < 0.01
    for ratio in (retain, held_out):
        assert ratio.low is not None
        assert ratio.high is not None
        assert ratio.low < 1 < ratio.high
        assert ratio.original == pytest.approx(1 / 0.8, rel=0.06)


def test_lost_accuracy_shows_beyond_its_interval_and_in_the_score(rng: np.random.Generator) -> None:
    forget, retain, _ = NeurIPS2023().findings(outputs_at(rng, 0.0, 0.4))
    assert retain.unlearned == pytest.approx(0.5, abs=0.03)
    assert retain.high is not None
    assert retain.high < 0.6
    score = float(forget.note.rpartition(": ")[2].rstrip("."))
    assert score == pytest.approx(forget.unlearned * 0.25, rel=0.15)


def test_a_text_model_has_no_accuracy_and_gets_f_alone(rng: np.random.Generator) -> None:
    outputs = Outputs()
    for group, count in (("original", 16), ("unlearned", 16), ("oracle", 32)):
        add_group(outputs, group, "forget", 1, {"margin": rng.normal(size=(count, 5))})  # type: ignore[arg-type]  # a literal
    [forget] = NeurIPS2023().findings(outputs)
    assert "Score" not in forget.note
    assert "16 models a side" in forget.note
