"""Which examples were missed, with the error over all of them controlled."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, false_discovery_control, mannwhitneyu

from unlearning_jobs.engine.contracts import ExampleFindings
from unlearning_jobs.engine.evaluation.outputs import Array
from unlearning_jobs.engine.evaluation.per_example import judge_examples

EXAMPLES = 30
IDS = tuple(f"e{i:08d}" for i in range(EXAMPLES))


def models(seed: int, shift: float = 0.0, *, count: int = 8) -> tuple[Array, Array]:
    """Unlearned models and oracles, each with a part common to all examples; ten examples are shifted."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=(2 * count, EXAMPLES)) + 0.5 * rng.normal(size=(2 * count, 1))
    margins[:count, :10] += shift
    return margins[:count], margins[count:]


def judged(unlearned: Array, oracles: Array) -> ExampleFindings:
    return judge_examples(unlearned, oracles, IDS, level=0.05, seed=1)


def test_each_example_has_its_own_exact_test_and_its_place_among_all() -> None:
    unlearned, oracles = models(1, shift=1.0, count=5)
    expected = mannwhitneyu(unlearned, oracles, method="exact")
    findings = judged(unlearned, oracles)
    assert findings.example_ids == IDS
    assert findings.auc == pytest.approx(expected.statistic / 25)
    assert findings.p_value == pytest.approx(expected.pvalue)
    assert findings.p_fdr == pytest.approx(false_discovery_control(expected.pvalue))


def test_what_is_still_known_and_what_is_known_too_little_are_counted_apart() -> None:
    unlearned, oracles = models(2, shift=8.0)
    unlearned[:, 10:15] -= 16.0
    findings = judged(unlearned, oracles)
    assert (findings.too_high_fwer, findings.too_low_fwer) == (10, 5)
    assert 10 <= findings.too_high_fdr <= 12
    assert 5 <= findings.too_low_fdr <= 7


def test_an_adjusted_p_value_is_never_smaller_than_the_examples_own() -> None:
    findings = judged(*models(3, shift=2.0))
    own = np.array(findings.p_value)
    assert (np.array(findings.p_fwer) >= own - 1e-12).all()
    assert (np.array(findings.p_fdr) >= own - 1e-12).all()


def test_max_t_is_never_larger_than_bonferroni_with_all_labellings() -> None:
    findings = judged(*models(4, shift=1.0, count=6))
    bonferroni = np.minimum(EXAMPLES * np.array(findings.p_value), 1)
    assert (np.array(findings.p_fwer) <= bonferroni + 1e-9).all()


def test_under_the_null_any_finding_among_all_examples_is_as_rare_as_the_level_says() -> None:
    """Family-wise error of max-T in 300 draws: not above the binomial 99 % bound at 5 %."""
    wrong = 0
    for seed in range(300):
        findings = judged(*models(seed, count=5))
        wrong += findings.too_high_fwer + findings.too_low_fwer > 0
    assert wrong <= binom.ppf(0.99, 300, 0.05)


def test_true_findings_do_not_bring_wrong_ones_with_them() -> None:
    """Family-wise error among the 20 untouched examples, while ten are far off."""
    wrong = 0
    for seed in range(100):
        findings = judged(*models(seed, shift=9.0, count=6))
        wrong += bool((np.array(findings.p_fwer)[10:] <= 0.05).any())
    assert wrong <= binom.ppf(0.99, 100, 0.05)


def test_models_that_all_agree_show_nothing() -> None:
    findings = judged(np.ones((4, EXAMPLES)), np.ones((8, EXAMPLES)))
    assert set(findings.p_value) == set(findings.p_fdr) == set(findings.p_fwer) == {1.0}
    assert (findings.too_high_fdr, findings.too_low_fdr, findings.too_high_fwer, findings.too_low_fwer) == (0, 0, 0, 0)


def test_it_comes_back_from_its_json() -> None:
    findings = judged(*models(5, shift=4.0))
    assert ExampleFindings.from_json(findings.to_json()) == findings
