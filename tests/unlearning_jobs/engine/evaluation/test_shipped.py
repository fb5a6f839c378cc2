"""The one model that would be released, judged by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from tests.unlearning_jobs.engine.evaluation.conftest import SHIPPED, MakeOutputs, outputs_at, set_margins
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.shipped import judge_shipped, vetoes

BY_NAME = {estimand.name: estimand for estimand in DEFAULT_ESTIMANDS}
LOCATION, DEVIATION, MISSED = (BY_NAME[f"forget_{kind}"] for kind in ("location", "deviation", "missed"))
ALPHA = 0.05


def untouched(outputs: Outputs) -> Outputs:
    """The same, but the shipped model is its original."""
    original = outputs.vector(ModelKey("original", SHIPPED.seed), "forget", "margin")
    set_margins(outputs, [SHIPPED], "forget", slice(None), original)
    return outputs


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    paired=st.booleans(),
    spread=st.floats(0.0, 30.0),
    gap=st.floats(-2.0, 20.0),
    m=st.integers(1, 6),
)
def test_the_untouched_original_is_never_within(seed: int, *, paired: bool, spread: float, gap: float, m: int) -> None:
    outputs = outputs_at(0.0, np.random.default_rng(seed), paired=paired, spread=spread, gap=gap, m=m)
    assert judge_shipped(untouched(outputs), LOCATION, ALPHA).position != "within"


@pytest.mark.parametrize("paired", [False, True])
def test_the_untouched_original_is_above_where_there_is_something_to_forget(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    outputs = untouched(make_outputs(0.0, rng, paired=paired))
    for estimand in (LOCATION, DEVIATION, MISSED):
        finding = judge_shipped(outputs, estimand, ALPHA)
        assert (finding.scope, finding.position) == ("shipped", "above"), estimand.name
    assert judge_shipped(outputs, MISSED, ALPHA).judged == 5


@pytest.mark.parametrize("name", ["forget_location", "retain_location", "retain_accuracy", "held_out_location"])
def test_with_a_pair_of_its_own_the_difference_is_exact(
    make_outputs: MakeOutputs, rng: np.random.Generator, name: str
) -> None:
    outputs, estimand = make_outputs(0.2, rng, paired=True), BY_NAME[name]
    finding = judge_shipped(outputs, estimand, ALPHA)
    own, before = ModelKey("oracle", SHIPPED.seed), ModelKey("original", SHIPPED.seed)
    mean = {
        key: outputs.vector(key, estimand.examples, estimand.statistic).mean() for key in (SHIPPED, own)
    }  # of each model
    unit = 1.0
    if estimand.unit == "gap":
        unit = outputs.vector(before, "forget", "margin").mean() - outputs.vector(own, "forget", "margin").mean()
    assert finding.estimate == pytest.approx((mean[SHIPPED] - mean[own]) / unit)
    assert finding.low == finding.estimate == finding.high


def test_without_a_pair_only_the_mean_of_the_oracles_is_uncertain(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs, estimand = make_outputs(0.0, rng), BY_NAME["held_out_location"]
    oracles = outputs.matrix("oracle", "held_out", "margin").mean(axis=1)
    half_width = t.ppf(1 - ALPHA, 7) * oracles.std(ddof=1) / 8**0.5
    estimate = outputs.vector(SHIPPED, "held_out", "margin").mean() - oracles.mean()
    finding = judge_shipped(outputs, estimand, ALPHA)
    assert (finding.low, finding.estimate, finding.high) == pytest.approx(
        (estimate - half_width, estimate, estimate + half_width)
    )


def test_a_deviation_is_measured_from_the_own_pair(make_outputs: MakeOutputs, rng: np.random.Generator) -> None:
    outputs = make_outputs(0.0, rng, paired=True, spread=2.0)
    own = outputs.vector(ModelKey("oracle", SHIPPED.seed), "forget", "margin")
    set_margins(outputs, [SHIPPED], "forget", slice(None), own)
    assert judge_shipped(outputs, DEVIATION, ALPHA).estimate < 0, "it is nearer than any other oracle"


@pytest.mark.parametrize("paired", [False, True])
def test_an_original_that_knows_no_more_than_its_oracle_gives_no_unit(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    outputs = make_outputs(0.0, rng, gap=-1.0, paired=paired, spread=0.1)
    finding = judge_shipped(outputs, LOCATION, ALPHA)
    assert finding.position == "undecided"
    assert all(np.isfinite([finding.low, finding.estimate, finding.high]))


def test_beyond_the_margin_and_within_a_further_oracles_reach_is_undecided(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = make_outputs(0.0, rng, spread=2.0)
    oracles = outputs.matrix("oracle", "forget", "margin")
    set_margins(outputs, [ModelKey("original", SHIPPED.seed)], "forget", slice(None), oracles.mean(axis=0) + 8)
    for share, position in ((0.0, "within"), (0.55, "undecided"), (3.0, "above"), (-3.0, "below")):
        set_margins(outputs, [SHIPPED], "forget", slice(None), oracles.mean(axis=0) + 8 * share)
        finding = judge_shipped(outputs, LOCATION, ALPHA)
        assert finding.position == position
        assert finding.margin_used == 0.5, "the reach of a further oracle is wider, and half a gap is the most"


# The veto: an exact result is one more oracle, and only what none of them could be contradicts it.


@pytest.mark.parametrize("paired", [False, True])
def test_the_untouched_original_is_vetoed_and_an_oracle_is_not(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    assert vetoes(untouched(make_outputs(0.0, rng, paired=paired)), LOCATION) == "above"
    retrained = make_outputs(0.0, rng, paired=paired)
    assert [vetoes(retrained, estimand) for estimand in DEFAULT_ESTIMANDS] == [None] * len(DEFAULT_ESTIMANDS)


def test_a_veto_takes_more_than_the_margin(make_outputs: MakeOutputs, rng: np.random.Generator) -> None:
    outputs = make_outputs(0.0, rng, spread=0.8)
    oracles = outputs.matrix("oracle", "forget", "margin")
    deviation = oracles.mean(axis=1).std(ddof=1)  # a further oracle is nearer than 2.5 of it in 19 of 20 cases
    set_margins(outputs, [SHIPPED], "forget", slice(None), oracles.mean(axis=0) + 4 * deviation)
    assert judge_shipped(outputs, LOCATION, ALPHA).position == "above"
    assert vetoes(outputs, LOCATION) is None
    set_margins(outputs, [SHIPPED], "forget", slice(None), oracles.mean(axis=0) - 20.0)
    assert vetoes(outputs, LOCATION) == "below"


def test_a_retrained_model_is_hardly_ever_vetoed(make_outputs: MakeOutputs) -> None:
    rng = np.random.default_rng(6)
    runs = [make_outputs(0.0, rng, m=1, n=4, spread=1.0) for _ in range(100)]
    assert sum(any(vetoes(outputs, estimand) for estimand in DEFAULT_ESTIMANDS) for outputs in runs) <= 2
