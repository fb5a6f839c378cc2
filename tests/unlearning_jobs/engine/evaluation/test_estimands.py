"""Estimands: points, intervals and positions, against closed forms and simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from compliance.formats.protocol import FURTHER
from tests.unlearning_jobs.engine.evaluation.conftest import MakeOutputs, add_group
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, Estimand
from unlearning_jobs.engine.evaluation.estimands import (
    UNBOUNDED,
    Comparison,
    compare,
    judge,
    leave_one_out_distance,
    oracles_of,
    pairwise_distance,
    position_of,
)
from unlearning_jobs.engine.evaluation.outputs import Array, Outputs
from unlearning_jobs.engine.evaluation.welch import welch

BY_NAME = {estimand.name: estimand for estimand in DEFAULT_ESTIMANDS}
LOCATION, DEVIATION = BY_NAME["forget_location"], BY_NAME["forget_deviation"]
RETAIN, HELD_OUT = BY_NAME["retain_location"], BY_NAME["held_out_location"]
ALPHA, DRAWS = 0.05, 300


def comparison(unlearned: Array, originals: Array, oracles: Array) -> Comparison:
    return Comparison(unlearned, oracles, originals, oracles, absolute=False)


def test_doing_nothing_is_one_and_an_oracle_is_zero() -> None:
    rng = np.random.default_rng(0)
    originals, oracles = rng.normal(5, 0.5, 4), rng.normal(-3, 0.5, 8)
    nothing = judge(comparison(originals, originals, oracles), LOCATION, ALPHA)
    assert nothing.estimate == pytest.approx(1.0)
    assert nothing.position == "above"
    assert nothing.low == pytest.approx(1.0, abs=1e-6)
    assert nothing.high == pytest.approx(1.0, abs=1e-6)
    same = judge(comparison(np.full(4, oracles.mean()), originals, oracles), LOCATION, ALPHA)
    assert same.estimate == pytest.approx(0.0)
    assert same.position == "within"


@pytest.mark.parametrize(("shift", "position"), [(-4.0, "below"), (0.0, "within"), (4.0, "above"), (2.0, "undecided")])
def test_positions(shift: float, position: str) -> None:
    rng = np.random.default_rng(1)
    originals, oracles = rng.normal(5, 0.3, 6), rng.normal(-3, 0.3, 8)
    unlearned = rng.normal(-3 + shift, 0.3, 6)
    assert judge(comparison(unlearned, originals, oracles), LOCATION, ALPHA).position == position


def test_an_end_of_the_interval_is_where_the_one_sided_test_stops_rejecting() -> None:
    rng = np.random.default_rng(2)
    originals, oracles, unlearned = rng.normal(5, 0.8, 4), rng.normal(-3, 0.5, 8), rng.normal(-2, 0.7, 4)
    finding = judge(comparison(unlearned, originals, oracles), LOCATION, ALPHA)
    for end, bound in ((finding.low, "low"), (finding.high, "high")):
        here = welch(unlearned - end * originals, oracles - end * oracles, ALPHA)
        assert getattr(here, bound) == pytest.approx(0, abs=1e-6)
    assert finding.low < finding.estimate < finding.high


def test_with_a_gap_known_for_certain_the_interval_is_welchs_divided_by_it() -> None:
    rng = np.random.default_rng(3)
    unlearned, oracles = rng.normal(-2, 0.7, 4), rng.normal(-3, 0.5, 8)
    certain = Comparison(unlearned, oracles, np.full(4, 8.0), np.zeros(8), absolute=False)
    finding, plain = judge(certain, LOCATION, ALPHA), welch(unlearned, oracles, ALPHA)
    assert (finding.low, finding.high) == pytest.approx((plain.low / 8, plain.high / 8), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), position=st.floats(-1, 2), margin=st.floats(0.05, 1))
def test_position_and_interval_always_agree(seed: int, position: float, margin: float) -> None:
    rng = np.random.default_rng(seed)
    originals, oracles = rng.normal(5, 0.6, 4), rng.normal(-3, 0.6, 8)
    unlearned = rng.normal(-3 + 8 * position, 0.6, 4)
    finding = judge(comparison(unlearned, originals, oracles), replace(LOCATION, margin=margin), ALPHA)
    inside = -margin < finding.low and finding.high < margin
    assert (finding.position == "within") == inside
    assert (finding.position == "above") == (finding.low > margin)
    assert (finding.position == "below") == (finding.high < -margin)


def test_without_a_clear_gap_nothing_is_decided() -> None:
    rng = np.random.default_rng(4)
    originals, oracles = rng.normal(0.1, 1, 4), rng.normal(0, 1, 8)
    finding = judge(comparison(originals, originals, oracles), LOCATION, ALPHA)
    assert (finding.low, finding.high, finding.position) == (-UNBOUNDED, UNBOUNDED, "undecided")
    assert math.isfinite(finding.estimate)


def test_an_absolute_estimand_is_welchs_interval() -> None:
    rng = np.random.default_rng(5)
    unlearned, oracles = rng.normal(0.96, 0.01, 4), rng.normal(0.97, 0.01, 8)
    finding = judge(Comparison(unlearned, oracles, np.zeros(4), np.zeros(8), absolute=True), RETAIN, ALPHA)
    plain = welch(unlearned, oracles, ALPHA)
    assert (finding.estimate, finding.low, finding.high) == pytest.approx(
        (plain.difference, plain.low, plain.high), abs=1e-6
    )
    assert finding.position == "within"


def test_an_absolute_margin_is_never_finer_than_the_interval_of_a_further_oracle() -> None:
    rng = np.random.default_rng(12)
    for spread, is_wider in ((0.001, False), (0.1, True)):
        oracles = rng.normal(0.9, spread, 8)
        finding = judge(Comparison(oracles, oracles, np.zeros(8), np.zeros(8), absolute=True), RETAIN, ALPHA)
        reach = t.ppf(1 - FURTHER / 2, 7) * np.std(oracles, ddof=1) * (1 + 1 / 8) ** 0.5
        assert (reach > RETAIN.margin) == is_wider
        assert finding.margin_used == (pytest.approx(reach) if is_wider else None)


def test_a_margin_in_gaps_never_grows_with_the_spread() -> None:
    rng = np.random.default_rng(13)
    originals, oracles = rng.normal(5, 4, 8), rng.normal(-3, 4, 8)
    assert judge(comparison(oracles, originals, oracles), LOCATION, ALPHA).margin_used is None


def outputs_of(unlearned: Array, originals: Array, oracles: Array, *, paired: bool = False) -> Outputs:
    outputs = Outputs()
    add_group(outputs, "original", "forget", 0, {"margin": originals})
    add_group(outputs, "unlearned", "forget", 0, {"margin": unlearned})
    add_group(outputs, "oracle", "forget", 0 if paired else 20, {"margin": oracles})
    return outputs


def test_deviation_sees_what_the_mean_hides() -> None:
    rng = np.random.default_rng(6)
    oracles = rng.normal(-3, 0.3, (8, 4))
    originals = rng.normal(5, 0.3, (4, 4))
    half_known = oracles[:4] + np.array([8.0, 8.0, -8.0, -8.0])
    outputs = outputs_of(half_known, originals, oracles)
    assert judge(compare(outputs, LOCATION), LOCATION, ALPHA).position == "within"
    assert judge(compare(outputs, DEVIATION), DEVIATION, ALPHA).position == "above"


def test_deviation_is_one_sided() -> None:
    rng = np.random.default_rng(7)
    oracles, originals = rng.normal(-3, 2.0, (8, 30)), rng.normal(5, 0.3, (4, 30))
    exactly_average = np.tile(oracles.mean(axis=0), (4, 1))
    finding = judge(compare(outputs_of(exactly_average, originals, oracles), DEVIATION), DEVIATION, ALPHA)
    assert finding.estimate < 0
    assert finding.position == "within"


def test_leave_one_out_distance_leaves_one_out() -> None:
    oracles = np.array([[0.0, 2.0], [4.0, 2.0], [8.0, 5.0]])
    assert leave_one_out_distance(oracles) == pytest.approx([(6 + 1.5) / 2, (0 + 1.5) / 2, (6 + 3) / 2])


def test_a_pairwise_distance_is_the_mean_over_the_others() -> None:
    oracles = np.array([[0.0, 2.0], [4.0, 2.0], [8.0, 5.0]])
    assert pairwise_distance(oracles) == pytest.approx([(2 + 5.5) / 2, (2 + 3.5) / 2, (5.5 + 3.5) / 2])


def test_a_paired_deviation_leaves_the_own_oracle_out_of_the_mean() -> None:
    rng = np.random.default_rng(14)
    oracles, originals = rng.normal(-3, 0.5, (4, 6)), rng.normal(5, 0.5, (4, 6))
    retrained = compare(outputs_of(oracles, originals, oracles, paired=True), DEVIATION)
    assert retrained.paired
    assert retrained.unlearned == pytest.approx(retrained.oracles), "as far from the others as its own oracle is"


def test_other_sets_are_measured_in_a_unit_that_memorisation_does_not_stretch(make_outputs: MakeOutputs) -> None:
    weak, strong = (make_outputs(0.0, np.random.default_rng(8), gap=gap) for gap in (4.0, 16.0))
    compared = compare(weak, HELD_OUT)
    difference = weak.matrix("unlearned", "held_out", "margin").mean() - weak.matrix("oracle", "held_out", "margin").mean()
    assert compared.estimate() == compare(strong, HELD_OUT).estimate() == pytest.approx(difference)


# Pairs: what two models of one seed have in common leaves no trace in their difference.


def test_a_paired_interval_is_that_of_the_differences(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.1, np.random.default_rng(15), paired=True, m=6)
    finding = judge(compare(outputs, HELD_OUT), HELD_OUT, ALPHA)
    pairs = outputs.pairs("held_out", "margin").mean(axis=1)
    differences = outputs.matrix("unlearned", "held_out", "margin").mean(axis=1) - pairs
    interval = ttest_1samp(differences, 0).confidence_interval(0.9)
    assert finding.estimate == pytest.approx(differences.mean())
    assert (finding.low, finding.high) == pytest.approx((interval.low, interval.high), abs=1e-6)


def test_an_end_of_a_paired_interval_is_where_the_one_sided_test_stops_rejecting(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.1, np.random.default_rng(16), paired=True)
    compared = compare(outputs, LOCATION)
    finding = judge(compared, LOCATION, ALPHA)
    for end, bound in ((finding.low, "low"), (finding.high, "high")):
        residuals = compared.unlearned - end * compared.unlearned_scale - (1 - end) * compared.oracles
        interval = ttest_1samp(residuals, 0).confidence_interval(0.9)
        assert getattr(interval, bound) == pytest.approx(0, abs=1e-6)


def test_pairs_give_a_narrower_interval_than_the_same_number_of_independent_models(make_outputs: MakeOutputs) -> None:
    widths = []
    for paired in (True, False):
        outputs = make_outputs(0.0, np.random.default_rng(17), spread=1.0, paired=paired, **({} if paired else {"n": 4}))
        finding = judge(compare(outputs, LOCATION), LOCATION, ALPHA)
        widths.append(finding.high - finding.low)
    assert widths[0] < widths[1] / 2


def test_watchers_are_no_pairs(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(18), paired=True)
    pairs, paired = oracles_of(outputs, "forget", "margin")
    assert (paired, len(pairs), len(outputs.models("oracle"))) == (True, 4, 6)
    assert (pairs == outputs.matrix("oracle", "forget", "margin")[:4]).all()
    one_is_missing = outputs.only([*outputs.models("oracle")[1:], *outputs.models("unlearned")])
    everyone, paired = oracles_of(one_is_missing, "forget", "margin")
    assert (paired, len(everyone)) == (False, 5), "with one pair missing, none is a pair"


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("position", [0.25, -0.25])
def test_at_the_margin_equivalence_is_claimed_no_more_often_than_alpha(
    make_outputs: MakeOutputs, position: float, *, paired: bool
) -> None:
    rng = np.random.default_rng(9)
    claims = 0
    for _ in range(DRAWS):
        compared = compare(make_outputs(position, rng, spread=0.5, paired=paired), LOCATION)
        at_margins = (compared.against(margin, ALPHA) for margin in (LOCATION.margin, -LOCATION.margin))
        claims += position_of(*at_margins, two_sided=True) == "within"
    assert claims / DRAWS <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / DRAWS)


@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_covers_the_true_position_nine_times_in_ten(make_outputs: MakeOutputs, *, paired: bool) -> None:
    rng = np.random.default_rng(10)
    covered = 0
    for _ in range(DRAWS):
        at_truth = compare(make_outputs(0.4, rng, spread=0.8, paired=paired), LOCATION).against(0.4, ALPHA)
        covered += at_truth.low <= 0 <= at_truth.high  # as it is when the interval has it inside
    assert covered / DRAWS >= 0.9 - 3 * math.sqrt(0.09 / DRAWS)


def test_a_margin_may_be_chosen_per_protocol(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.5, np.random.default_rng(11), spread=0.1)
    wide = Estimand("forget_location", "forget", "margin", "location", "gap", 0.8)
    assert judge(compare(outputs, LOCATION), LOCATION, ALPHA).position == "above"
    assert judge(compare(outputs, wide), wide, ALPHA).position == "within"
