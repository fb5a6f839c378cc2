"""Membership inference, against distributions whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.metrics.lira_offline import lira_offline
from unlearning_jobs.engine.evaluation.metrics.lira_online import lira_online
from unlearning_jobs.engine.evaluation.metrics.normal import fit_normal, fit_normal_shared, fit_normal_without_each
from unlearning_jobs.engine.evaluation.metrics.population_attack import population_attack
from unlearning_jobs.engine.evaluation.metrics.rmia import OFFLINE, rmia
from unlearning_jobs.engine.evaluation.outputs import Outputs

ATTACKS = ("lira_online", "lira_offline", "rmia", "population_attack")


def test_lira_online_is_the_log_likelihood_ratio(rng: np.random.Generator) -> None:
    inside, outside = rng.normal(2, 1, size=(4000, 1)), rng.normal(0, 1, size=(4000, 1))
    assert lira_online(np.array([1.0]), inside, outside) == pytest.approx([0.0], abs=0.1)
    assert lira_online(np.array([3.0]), inside, outside) == pytest.approx([4.0], abs=0.3)


def test_lira_offline_is_the_tail_of_models_that_never_saw_the_example(rng: np.random.Generator) -> None:
    outside = rng.normal(1, 2, size=(20_000, 1))
    assert lira_offline(np.array([1.0]), outside) == pytest.approx([0.5], abs=0.02)
    assert lira_offline(np.array([5.0]), outside) == pytest.approx([norm.cdf(2)], abs=0.02)


def test_few_shadow_models_share_one_variance(rng: np.random.Generator) -> None:
    group = rng.normal(0, [1.0, 3.0], size=(10, 2))
    mean, deviation = fit_normal_shared(group)
    assert mean == pytest.approx(group.mean(axis=0))
    assert deviation == pytest.approx(np.full(2, group.var(axis=0, ddof=1).mean() ** 0.5))
    many = rng.normal(0, [1.0, 3.0], size=(64, 2))
    assert fit_normal_shared(many)[1] == pytest.approx(fit_normal(many)[1])


def test_leaving_each_model_out_is_fitting_without_it_even_at_large_margins(rng: np.random.Generator) -> None:
    group = 1e5 + rng.normal(size=(6, 3))
    mean, deviation = fit_normal_without_each(group)
    for i in range(6):
        rest = np.delete(group, i, axis=0)
        assert mean[i] == pytest.approx(rest.mean(axis=0))
        assert deviation[i] == pytest.approx(rest.std(axis=0, ddof=1))


def test_rmia_is_the_share_of_the_population_with_a_smaller_relative_likelihood(rng: np.random.Generator) -> None:
    """Counted one by one from the definition."""
    target, usual, population, population_usual = rng.uniform(0.2, 0.9, size=(4, 50))

    def relative(p: float, out: float) -> float:
        return p / (0.5 * ((1 + OFFLINE) * out + 1 - OFFLINE))

    others = [relative(z, out) for z, out in zip(population, population_usual, strict=True)]
    counted = [np.mean([relative(x, out) >= z for z in others]) for x, out in zip(target, usual, strict=True)]
    assert rmia(target, usual, population, population_usual) == pytest.approx(counted)


def test_rmia_rises_with_the_probability_under_the_model_and_falls_with_what_is_usual(rng: np.random.Generator) -> None:
    population = rng.uniform(0.2, 0.8, size=500)
    usual = rng.uniform(0.2, 0.8, size=500)
    scores = rmia(np.array([0.1, 0.5, 0.9]), np.full(3, 0.5), population, usual)
    assert 0 <= scores[0] < scores[1] < scores[2] <= 1
    easy, hard = rmia(np.array([0.5, 0.5]), np.array([0.9, 0.1]), population, usual)
    assert easy < hard


def test_the_population_attack_finds_at_chance_what_is_like_the_population(rng: np.random.Generator) -> None:
    values = -rng.exponential(size=20_000)
    alike = population_attack(values[:10_000], values[10_000:], false_positive_rate=0.05)
    assert alike == pytest.approx(0.05, abs=0.01)
    better = population_attack(values[:10_000] / 100, values[10_000:], false_positive_rate=0.05)
    assert better == pytest.approx(1 - np.exp(-100 * 0.0513), abs=0.02)


def outputs_at(rng: np.random.Generator, level: float, *, models: int = 20) -> Outputs:
    """Originals know the forget set by 3 more than oracles do, in log-odds; the unlearned models by `level`."""
    outputs, bumps = Outputs(), {"forget": rng.normal(size=40), "held_out": rng.normal(size=60)}
    for group, first_seed, shift in (("original", 1, 3.0), ("unlearned", 1, level), ("oracle", 101, 0.0)):
        for name, bump in bumps.items():
            known = shift if name == "forget" else 0.0
            margin = known + bump + rng.normal(0, 0.5, (models, len(bump)))
            probability = 1 / (1 + np.exp(-margin))
            columns = {"margin": margin, "probability": probability, "log_likelihood": np.log(probability)}
            add_group(outputs, group, name, first_seed, columns)  # type: ignore[arg-type]  # a literal
    return outputs


def finding_of(attack: str, outputs: Outputs) -> MetricFinding:
    [finding] = METRICS[attack]().findings(outputs)
    return finding


@pytest.mark.parametrize("attack", ATTACKS)
def test_originals_give_their_members_away_and_models_like_oracles_do_not(rng: np.random.Generator, attack: str) -> None:
    finding = finding_of(attack, outputs_at(rng, 0.0))
    assert finding.examples == "forget"
    assert finding.original > 0.85
    assert min(finding.oracles) - 0.1 < finding.unlearned < max(finding.oracles) + 0.1
    assert np.mean(finding.oracles) == pytest.approx(0.5, abs=0.06 if attack != "population_attack" else 0.2)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_overshot_model_is_below_the_oracles(rng: np.random.Generator, attack: str) -> None:
    finding = finding_of(attack, outputs_at(rng, -3.0))
    assert finding.unlearned < min(finding.oracles)


def test_the_true_positive_rate_stands_in_the_note(rng: np.random.Generator) -> None:
    assert "True-positive rate at 1 % false positives: 0.0" in finding_of("lira_online", outputs_at(rng, 0.0)).note
    assert "10 oracles as shadow models, 10 as non-members" in finding_of("lira_online", outputs_at(rng, 0.0)).note


def test_a_model_is_never_attacked_with_its_own_original_as_a_shadow_model(rng: np.random.Generator) -> None:
    """Whatever the production model's original does, the attack on the unlearned model stays the same."""
    outputs = outputs_at(rng, 0.0)
    before = finding_of("lira_online", outputs)
    own = outputs.models("original")[0]
    outputs.values[own, "forget"] = outputs.values[own, "forget"] + 50
    after = finding_of("lira_online", outputs)
    assert (after.unlearned, after.oracles) == (before.unlearned, before.oracles)


@pytest.mark.parametrize("attack", ["lira_online", "lira_offline", "rmia"])
def test_too_few_shadow_models_give_no_finding(rng: np.random.Generator, attack: str) -> None:
    assert list(METRICS[attack]().findings(outputs_at(rng, 0.0, models=3))) == []
