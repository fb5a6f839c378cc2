"""Every metric, against a direct computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.outputs import Array, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

NAN = math.nan


def drawn(count: int, examples: int, rng: np.random.Generator) -> dict[str, Array]:
    return {s: rng.uniform(0.1, 0.9, (count, examples)) for s in STATISTICS}


@pytest.fixture
def outputs() -> Outputs:
    rng = np.random.default_rng(0)
    result = Outputs()
    for group, seed, count in (("original", 1, 2), ("unlearned", 1, 2), ("oracle", 11, 3)):
        for name, examples in (("forget", 6), ("retain", 8), ("held_out", 7)):
            add_group(result, group, name, seed, drawn(count, examples, rng))  # type: ignore[arg-type]  # a literal
    return result


def finding(outputs: Outputs, metric: str, name: str) -> MetricFinding:
    [matching] = [f for f in METRICS[metric]().findings(outputs) if f.examples == name]
    return matching


@pytest.mark.parametrize("metric", ["exact_memorization", "extraction_strength", "probability", "rouge_l"])
@pytest.mark.parametrize("name", ["forget", "retain", "held_out"])
def test_simple_metrics_are_means_of_the_production_model_and_of_each_oracle(
    outputs: Outputs, metric: str, name: str
) -> None:
    measured = finding(outputs, metric, name)
    assert measured.unlearned == pytest.approx(outputs.matrix("unlearned", name, metric)[0].mean())
    assert measured.original == pytest.approx(outputs.matrix("original", name, metric)[0].mean())
    assert measured.oracles == pytest.approx(tuple(outputs.matrix("oracle", name, metric).mean(axis=1)))


def test_the_truth_ratio_says_how_many_examples_it_is_of(outputs: Outputs) -> None:
    assert finding(outputs, "truth_ratio", "forget").note == ""
    for model in (*outputs.models("original"), *outputs.models("unlearned"), *outputs.models("oracle")):
        outputs.values[model, "forget"][0, STATISTICS.index("truth_ratio")] = np.nan
    count = len(outputs.ids["forget"])
    said = f"{count - 1} of {count} examples have wrong answers to compare with; the others are left out."
    assert finding(outputs, "truth_ratio", "forget").note == said


def test_the_truth_ratio_is_folded_on_the_forget_set_and_cut_elsewhere(outputs: Outputs) -> None:
    ratios = outputs.matrix("unlearned", "forget", "truth_ratio")
    ratios[0, :3] = [0.0, 4.0, NAN]
    model = outputs.models("unlearned")[0]
    outputs.values[model, "forget"][:, STATISTICS.index("truth_ratio")] = ratios[0]
    expected = np.mean([0.0, 0.25, *ratios[0, 3:]])
    assert finding(outputs, "truth_ratio", "forget").unlearned == pytest.approx(expected)
    retain = outputs.matrix("unlearned", "retain", "truth_ratio")[0]
    assert finding(outputs, "truth_ratio", "retain").unlearned == pytest.approx((1 - retain).mean())


def test_forget_quality_is_the_median_p_over_the_oracles(outputs: Outputs) -> None:
    unlearned = outputs.matrix("unlearned", "forget", "truth_ratio")[0]
    oracles = outputs.matrix("oracle", "forget", "truth_ratio")
    tests = [ks_2samp(unlearned, oracle) for oracle in oracles]
    measured = finding(outputs, "forget_quality", "forget")
    assert measured.unlearned == pytest.approx(np.median([t.pvalue for t in tests]))
    assert "n = 6" in measured.note
    assert f"D = {np.median([t.statistic for t in tests]):.3f}" in measured.note
    assert len(measured.oracles) == 3


@pytest.mark.parametrize(("n", "smallest"), [(40, 1.86e-23), (200, 1.94e-119)])
def test_total_separation_gives_the_smallest_p_that_n_allows(n: int, smallest: float) -> None:
    outputs = Outputs()
    for group, seed, level in (("original", 1, 0.0), ("unlearned", 1, 0.0), ("oracle", 11, 5.0)):
        column = {"truth_ratio": level + np.linspace(0, 1, n)[None].repeat(2, axis=0)}
        add_group(outputs, group, "forget", seed, column)  # type: ignore[arg-type]  # a literal
    assert finding(outputs, "forget_quality", "forget").unlearned == pytest.approx(smallest, rel=0.01)


def test_model_utility_is_a_harmonic_mean_and_says_of_what(outputs: Outputs) -> None:
    terms = [outputs.matrix("unlearned", "retain", s)[0].mean() for s in ("probability", "rouge_l")]
    terms.append((1 - outputs.matrix("unlearned", "retain", "truth_ratio")[0]).mean())
    measured = finding(outputs, "model_utility", "retain")
    assert measured.unlearned == pytest.approx(3 / sum(1 / t for t in terms))
    assert "3 of TOFU's 9 terms" in measured.note


def test_model_utility_has_nine_terms_where_all_sets_exist(outputs: Outputs) -> None:
    rng = np.random.default_rng(1)
    for name in ("real_authors", "world_facts"):
        for group, seed, count in (("original", 1, 2), ("unlearned", 1, 2), ("oracle", 11, 3)):
            add_group(outputs, group, name, seed, drawn(count, 4, rng))  # type: ignore[arg-type]  # a literal
    measured = finding(outputs, "model_utility", "retain")
    assert "9 of TOFU's 9 terms" in measured.note
    assert "real_authors normalised_probability" in measured.note
    assert "retain normalised_probability" not in measured.note


def test_min_k_is_the_share_of_pairs_in_which_the_forget_example_looks_more_familiar(outputs: Outputs) -> None:
    forget, held_out = (outputs.matrix("unlearned", s, "min_k")[0] for s in ("forget", "held_out"))
    pairs = [a > b for a in forget for b in held_out]
    assert finding(outputs, "min_k", "forget").unlearned == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_without_its_statistic_is_left_out(metric: str) -> None:
    outputs = Outputs()
    for group, seed in (("original", 1), ("unlearned", 1), ("oracle", 11)):
        add_group(outputs, group, "forget", seed, {"margin": np.zeros((2, 3))})  # type: ignore[arg-type]  # a literal
    assert list(METRICS[metric]().findings(outputs)) == []
