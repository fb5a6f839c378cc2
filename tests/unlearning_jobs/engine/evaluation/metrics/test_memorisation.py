"""Membership and extraction metrics, against direct computations on fixed numbers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.metrics.extraction_probability import extractable
from unlearning_jobs.engine.evaluation.metrics.privleak import leak
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.evaluation.roc import auc_interval

Levels = dict[tuple[str, int], dict[str, list[float]]]


def outputs_of(statistic: str, levels: Levels, **others: float) -> Outputs:
    """Models by group and seed, with these values of one statistic on each set."""
    outputs = Outputs()
    for (group, seed), sets in levels.items():
        for name, values in sets.items():
            columns = {statistic: np.array([values])} | {one: np.full((1, len(values)), at) for one, at in others.items()}
            add_group(outputs, group, name, seed, columns)  # type: ignore[arg-type]  # a literal
    return outputs


def findings(metric: str, outputs: Outputs) -> list[MetricFinding]:
    return list(METRICS[metric]().findings(outputs))


HELD_OUT = [-3.0, -2.0, -1.0, -0.5]
LEVELS: Levels = {
    ("original", 1): {"forget": [-0.1, -0.2, -0.3], "held_out": HELD_OUT},
    ("unlearned", 1): {"forget": [-1.0, -2.5, -0.4], "held_out": HELD_OUT},
    ("oracle", 11): {"forget": [-2.0, -2.5, -0.7], "held_out": HELD_OUT},
    ("oracle", 12): {"forget": [-9.0, -2.5, -0.2], "held_out": HELD_OUT},
}


def share_of_pairs(one: str, seed: int) -> float:
    """How often a forget example is above a held-out one, ties counting half, pair by pair."""
    pairs = list(product(LEVELS[one, seed]["forget"], HELD_OUT))
    return sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)


@pytest.mark.parametrize("metric", ["min_k", "min_k_plus_plus", "zlib_ratio"])
def test_membership_is_the_share_of_pairs_in_which_the_forget_example_is_more_familiar(metric: str) -> None:
    [finding] = findings(metric, outputs_of(metric, LEVELS))
    assert finding.examples == "forget"
    assert finding.original == share_of_pairs("original", 1) == 1
    assert finding.unlearned == pytest.approx(share_of_pairs("unlearned", 1))
    assert finding.oracles == pytest.approx((share_of_pairs("oracle", 11), share_of_pairs("oracle", 12)))
    assert finding.note.startswith("3 forget examples against 4 held-out examples. ")
    low, high = auc_interval(finding.unlearned, 3, 4)
    assert f"known from {low:.3f} to {high:.3f} (95 %)" in finding.note


def test_an_example_without_a_number_in_one_model_leaves_no_membership_to_compare() -> None:
    unknown = LEVELS | {("oracle", 12): {"forget": [-9.0, math.nan, -0.2], "held_out": HELD_OUT}}
    assert findings("min_k", outputs_of("min_k", unknown)) == []


@pytest.mark.parametrize("metric", ["min_k", "min_k_plus_plus", "zlib_ratio", "privleak"])
def test_without_held_out_examples_nobody_can_tell_members(metric: str) -> None:
    statistic = "min_k" if metric == "privleak" else metric
    forget = {model: {"forget": sets["forget"]} for model, sets in LEVELS.items()}
    assert findings(metric, outputs_of(statistic, forget)) == []


def test_privleak_is_the_difference_of_muses_auc_in_per_cent_of_the_oracles() -> None:
    [finding] = findings("privleak", outputs_of("min_k", LEVELS))
    aucs = {model: 1 - share_of_pairs(*model) for model in LEVELS}
    mean = (aucs["oracle", 11] + aucs["oracle", 12]) / 2
    assert finding.original == pytest.approx(-100)
    assert finding.unlearned == pytest.approx(100 * (aucs["unlearned", 1] - mean) / mean)
    among = [100 * (aucs["oracle", a] - aucs["oracle", b]) / aucs["oracle", b] for a, b in ((11, 12), (12, 11))]
    assert finding.oracles == pytest.approx(tuple(among))
    assert f"{aucs['unlearned', 1]:.3f}, and {mean:.3f} on average over 2 oracles" in finding.note


def test_privleak_is_positive_for_what_was_pushed_below_data_that_was_never_seen() -> None:
    pushed = LEVELS | {("unlearned", 1): {"forget": [-50.0, -60.0, -70.0], "held_out": HELD_OUT}}
    [finding] = findings("privleak", outputs_of("min_k", pushed))
    assert finding.unlearned > 50


def test_oracles_that_are_never_less_familiar_leave_numbers_and_a_lone_oracle_has_no_others() -> None:
    assert leak(0.0, 0.0, 0.125) == 0
    assert leak(0.25, 0.0, 0.125) == 200
    known = {model: {"forget": [0.0, 0.0, 0.0], "held_out": HELD_OUT} for model in LEVELS}
    [finding] = findings("privleak", outputs_of("min_k", known))
    assert (finding.unlearned, finding.original, finding.oracles) == (0, 0, (0, 0))
    del known["oracle", 12]
    assert findings("privleak", outputs_of("min_k", known))[0].oracles == ()


def test_perplexity_is_e_to_the_mean_loss_of_the_examples() -> None:
    [forget, held_out] = findings("perplexity", outputs_of("log_likelihood", LEVELS, min_k=0.0))
    assert forget.unlearned == pytest.approx(math.exp((1.0 + 2.5 + 0.4) / 3))
    assert forget.oracles[1] == pytest.approx(math.exp((9.0 + 2.5 + 0.2) / 3))
    assert held_out.original == pytest.approx(math.exp(6.5 / 4))


def test_a_model_that_finds_an_answer_impossible_still_has_a_perplexity_that_json_can_hold() -> None:
    driven = LEVELS | {("unlearned", 1): {"forget": [-5000.0, -6000.0, -1e30], "held_out": HELD_OUT}}
    assert math.isfinite(findings("perplexity", outputs_of("log_likelihood", driven, min_k=0.0))[0].unlearned)


def test_classifiers_have_no_perplexity() -> None:
    assert findings("perplexity", outputs_of("log_likelihood", LEVELS)) == []


@pytest.mark.parametrize(
    ("p", "prompts", "comes_out"),
    [
        (1.0, 100, True),
        (0.5, 1, True),
        (0.4999, 1, False),
        (0.00691, 100, True),  # 1 - (1 - p)^100 is 0.5002
        (0.00690, 100, False),
        (6.94e-5, 10_000, True),
        (6.92e-5, 10_000, False),
        (1e-30, 10_000, False),
        (0.0, 10_000, False),
    ],
)
def test_an_answer_is_extractable_if_some_prompt_brings_it_out_with_a_chance_of_one_half(
    p: float, prompts: int, comes_out: bool
) -> None:
    assert (1 - (1 - p) ** prompts >= 0.5) == comes_out
    assert extractable(np.array([math.log(p) if p else -5000.0]), prompts) == comes_out


def test_shares_are_of_the_examples_that_have_an_answer() -> None:
    assert extractable(np.array([0.0, -1000.0, math.nan, math.log(0.01)]), 100) == pytest.approx(2 / 3)


def test_extraction_is_reported_for_few_prompts_and_for_many() -> None:
    rare, common = math.log(1e-3), math.log(0.1)
    levels: Levels = {
        ("original", 1): {"forget": [common, common]},
        ("unlearned", 1): {"forget": [rare, common]},
        ("oracle", 11): {"forget": [-500.0, rare]},
    }
    few, many = findings("extraction_probability", outputs_of("suffix_log_probability", levels))
    assert (few.original, few.unlearned, few.oracles) == (1, 0.5, (0,))
    assert (many.original, many.unlearned, many.oracles) == (1, 1, (0.5,))
    assert ("at most 100 prompts" in few.note, "at most 10000 prompts" in many.note) == (True, True)


def test_verbatim_memorisation_is_a_mean_over_the_examples() -> None:
    [forget, _held_out] = findings("verbatim", outputs_of("verbatim", LEVELS))
    assert forget.unlearned == pytest.approx(-3.9 / 3)
