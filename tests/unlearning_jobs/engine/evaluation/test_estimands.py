"""Estimands: points, intervals and positions, against closed forms and simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unlearning_jobs.engine.evaluation.conftest import MakeOutputs, add_group
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, Estimand
from unlearning_jobs.engine.evaluation.estimands import UNBOUNDED, Comparison, compare, judge, leave_one_out_distance
from unlearning_jobs.engine.evaluation.outputs import Array, Outputs
from unlearning_jobs.engine.evaluation.welch import welch

LOCATION, DEVIATION, RETAIN, HELD_OUT = DEFAULT_ESTIMANDS
ALPHA = 0.05


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
    unlearned, oracles = rng.normal(0.95, 0.02, 4), rng.normal(0.97, 0.02, 8)
    finding = judge(Comparison(unlearned, oracles, np.zeros(4), np.zeros(8), absolute=True), RETAIN, ALPHA)
    plain = welch(unlearned, oracles, ALPHA)
    assert (finding.estimate, finding.low, finding.high) == pytest.approx(
        (plain.difference, plain.low, plain.high), abs=1e-6
    )
    assert finding.position == "within"


def outputs_of(unlearned: Array, originals: Array, oracles: Array) -> Outputs:
    outputs = Outputs()
    add_group(outputs, "original", "forget", 0, {"margin": originals})
    add_group(outputs, "unlearned", "forget", 10, {"margin": unlearned})
    add_group(outputs, "oracle", "forget", 20, {"margin": oracles})
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


def test_other_sets_are_measured_in_the_forget_sets_gap(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(8))
    compared = compare(outputs, HELD_OUT)
    gap = outputs.matrix("original", "forget", "margin").mean() - outputs.matrix("oracle", "forget", "margin").mean()
    difference = (
        outputs.matrix("unlearned", "held_out", "margin").mean() - outputs.matrix("oracle", "held_out", "margin").mean()
    )
    assert compared.estimate() == pytest.approx(difference / gap)


@pytest.mark.parametrize("position", [0.25, -0.25])
def test_at_the_margin_equivalence_is_claimed_no_more_often_than_alpha(make_outputs: MakeOutputs, position: float) -> None:
    rng = np.random.default_rng(9)
    claims = sum(
        judge(compare(make_outputs(position, rng, spread=0.5), LOCATION), LOCATION, ALPHA).position == "within"
        for _ in range(400)
    )
    assert claims / 400 <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 400)


def test_the_interval_covers_the_true_position_nine_times_in_ten(make_outputs: MakeOutputs) -> None:
    rng = np.random.default_rng(10)
    covered = 0
    for _ in range(400):
        finding = judge(compare(make_outputs(0.4, rng, spread=0.8), LOCATION), LOCATION, ALPHA)
        covered += finding.low <= 0.4 <= finding.high
    assert 0.9 - 3 * math.sqrt(0.09 / 400) <= covered / 400


def test_a_margin_may_be_chosen_per_protocol(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.5, np.random.default_rng(11), spread=0.1)
    wide = Estimand("forget_location", "forget", "margin", "location", "gap", 0.8)
    assert judge(compare(outputs, LOCATION), LOCATION, ALPHA).position == "above"
    assert judge(compare(outputs, wide), wide, ALPHA).position == "within"
