"""Expected costs, and what finished jobs teach about their error."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from unlearning_jobs.engine.advisor import PRIOR_FACTOR, Estimate, Measurement, Situation, correction, forecast, measure
from unlearning_jobs.engine.advisor.cost_model import LEVEL, PRIOR_FREEDOM, PRIOR_JOBS
from unlearning_jobs.engine.catalogue import METHODS, Facts, attacks_cost, expected_cost
from unlearning_jobs.engine.contracts import ClassifierArchitecture, MethodChoice, Protocol, Recipe, UnlearningStep
from unlearning_jobs.engine.errors import SpecError

RECIPE = Recipe("classifier", ClassifierArchitecture("mlp"), 26, 8, 1e-3)
FACTS = Facts(RECIPE, forget=5, retain=87, held_out=40, trained_seconds=6.0)
ANNEX = Protocol((), tuple(range(4)))
MEASURED = Protocol(tuple(range(3)), tuple(range(3, 11)))
SITUATION = Situation(FACTS, annex=ANNEX, measured=MEASURED, trained_on="cpu", device="cpu")
RATIO = st.floats(0.01, 100)
RATIOS = st.lists(RATIO, max_size=12)


def took(unlearning: float | None, evaluation: float | None = None, method: str = "npo") -> Measurement:
    return Measurement(method, "classifier", "cpu", unlearning, evaluation)


def width(estimate: Estimate) -> float:
    return math.log(estimate.high / estimate.low)


def predictive_probabilities(ratios: list[float], at: list[float]) -> list[float]:
    """P(the next ratio < each of `at`), by summing the posterior over a grid of mean and variance."""
    logs = np.log(ratios)
    t95 = 2.131846786326649  # Student's t with four degrees of freedom, from a printed table
    prior_spread2 = (math.log(PRIOR_FACTOR) / t95) ** 2 / (1 + 1 / PRIOR_JOBS)
    mean = np.linspace(-12, 12, 1601)[:, None]
    log_variance = np.linspace(-9, 8, 801)[None, :]
    variance = np.exp(log_variance)
    half = PRIOR_FREEDOM / 2
    log_posterior = -half * log_variance - half * prior_spread2 / variance  # of the variance; Jacobian of its log taken in
    log_posterior = log_posterior - 0.5 * log_variance - PRIOR_JOBS * mean**2 / (2 * variance)
    for x in logs:
        log_posterior = log_posterior - 0.5 * log_variance - (x - mean) ** 2 / (2 * variance)
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior /= posterior.sum()
    return [float((posterior * ndtr((math.log(quantile) - mean) / np.sqrt(variance))).sum()) for quantile in at]


@pytest.mark.parametrize("ratios", [[], [1.0], [4.0], [0.8, 1.1, 1.3], [0.1, 0.12, 0.09, 0.11], [0.5, 2.0]])
def test_the_interval_holds_nine_tenths_of_the_posterior_predictive_distribution(ratios: list[float]) -> None:
    factor = correction(ratios)
    below = predictive_probabilities(ratios, [factor.low, factor.middle, factor.high])
    assert below == pytest.approx([(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], abs=2e-3)


def test_before_any_measurement_the_error_is_the_documented_factor() -> None:
    factor = correction([])
    assert (factor.low, factor.middle, factor.high) == pytest.approx((1 / PRIOR_FACTOR, 1, PRIOR_FACTOR))


@given(RATIOS)
def test_the_interval_contains_the_estimate_and_the_estimate_is_drawn_towards_one(ratios: list[float]) -> None:
    factor = correction(ratios)
    assert 0 < factor.low < factor.middle < factor.high < math.inf
    geometric_mean = math.exp(math.fsum(map(math.log, ratios)) / max(1, len(ratios)))
    assert abs(math.log(factor.middle)) <= abs(math.log(geometric_mean)) + 1e-12


@given(RATIO, st.integers(1, 20))
def test_each_further_measurement_that_agrees_narrows_the_interval(ratio: float, jobs: int) -> None:
    assert width(correction([ratio] * (jobs + 1))) < width(correction([ratio] * jobs))


@given(st.integers(0, 20))
def test_measurements_that_are_just_as_expected_narrow_the_interval_from_the_first_on(jobs: int) -> None:
    assert width(correction([1.0] * (jobs + 1))) < width(correction([1.0] * jobs))


def test_measurements_that_disagree_widen_it() -> None:
    assert width(correction([0.1, 10.0])) > width(correction([1.0, 1.0]))
    assert width(correction([0.01])) > width(correction([]))


@given(RATIOS)
def test_the_inverse_ratios_give_the_inverse_correction(ratios: list[float]) -> None:
    factor, inverse = correction(ratios), correction([1 / ratio for ratio in ratios])
    assert (inverse.low, inverse.middle, inverse.high) == pytest.approx((1 / factor.high, 1 / factor.middle, 1 / factor.low))


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_ratio_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        correction([1.0, wrong])


def test_without_measurements_the_forecast_is_the_count_of_trainings() -> None:
    expected, share = forecast("npo", SITUATION), expected_cost("npo", FACTS)
    assert expected.unlearning.middle == pytest.approx(share)
    assert expected.evaluation.middle == pytest.approx(3 * (1 + share) + 8)
    assert expected.total.middle == pytest.approx(share + 3 * (1 + share) + 8)
    assert expected.preparation == Estimate(0, 0, 0)
    assert (expected.jobs, expected.evaluations) == (0, 0)


def test_earlier_steps_are_taken_again_by_every_replicate() -> None:
    steps = (UnlearningStep(MethodChoice("retrain"), ("a",)), UnlearningStep(MethodChoice("long_gone"), ("b", "c")))
    situation = replace(SITUATION, facts=replace(FACTS, earlier=steps))
    assert situation.evaluation_trainings("npo", 1) == 3 * (1 + 1 + 1) + 8


def test_an_exact_method_pays_for_its_oracles_and_for_being_executed_again() -> None:
    assert SITUATION.evaluation_trainings("retrain", 1) == 4 + 1
    assert forecast("retrain", SITUATION).evaluation.middle == pytest.approx(5)


def test_the_attacks_of_the_protocol_are_part_of_the_evaluation() -> None:
    asked = replace(MEASURED, attacks=("quantized_8",))
    with_attack = replace(SITUATION, measured=asked)
    extra = with_attack.evaluation_trainings("npo", 1) - SITUATION.evaluation_trainings("npo", 1)
    assert extra == pytest.approx(attacks_cost(asked, FACTS, 1))
    assert extra > 0
    assert with_attack.evaluation_trainings("retrain", 1) == SITUATION.evaluation_trainings("retrain", 1), "another protocol"
    assert forecast("npo", with_attack).total.middle > forecast("npo", SITUATION).total.middle


def test_pairs_cost_an_oracle_each_and_looks_an_interval() -> None:
    paired = Protocol(tuple(range(7)), (7, 8), design="paired", looks=2)
    situation, share = replace(SITUATION, measured=paired), expected_cost("npo", FACTS)
    expected = forecast("npo", situation)
    assert expected.first_look.middle == pytest.approx(3 * (1 + share) + 4 + 2)
    assert expected.evaluation.middle == pytest.approx(7 * (1 + share) + 8 + 2)
    assert expected.least.middle < expected.total.middle


def test_a_job_that_its_first_look_ended_is_compared_with_that_look() -> None:
    paired = Protocol(tuple(range(7)), (7, 8), design="paired", looks=2)
    situation = replace(SITUATION, measured=paired)
    seconds = 6.0 * forecast("npo", situation).first_look.middle
    measured = measure("npo", {}, situation, unlearning_seconds=None, evaluation_seconds=seconds, look=1)
    assert measured is not None
    assert measured.evaluation == pytest.approx(1)


def test_what_was_measured_is_forecast_again() -> None:
    ten_times = [took(10.0, 0.5)] * 40
    expected, plain = forecast("npo", SITUATION, ten_times), forecast("npo", SITUATION)
    assert expected.unlearning.middle / plain.unlearning.middle == pytest.approx(10, rel=0.02)
    assert expected.evaluation.middle == pytest.approx(0.5 * (11 + 3 * expected.unlearning.middle), rel=0.02)
    assert width(expected.unlearning) < 0.5 * width(plain.unlearning)
    assert (expected.jobs, expected.evaluations) == (40, 40)


def test_a_method_learns_from_its_own_jobs_and_evaluations_of_a_family_from_each_others() -> None:
    expected = forecast("npo", SITUATION, [took(5.0, 2.0, "retrain"), took(None, 2.0), took(3.0)])
    assert (expected.jobs, expected.evaluations) == (1, 2)


@pytest.mark.parametrize("changes", [{"family": "causal_lm"}, {"device": "cuda (NVIDIA H200)"}])
def test_jobs_on_other_families_and_devices_teach_nothing(changes: dict[str, str]) -> None:
    assert forecast("npo", SITUATION, [replace(took(9.0, 9.0), **changes)]) == forecast("npo", SITUATION)  # type: ignore[arg-type]  # names of fields


@given(st.lists(st.builds(took, st.none() | RATIO, st.none() | RATIO, st.sampled_from(["npo", "retrain"])), max_size=6))
def test_every_part_of_a_forecast_contains_its_estimate(measurements: list[Measurement]) -> None:
    expected = forecast("npo", SITUATION, measurements)
    for part in (expected.unlearning, expected.preparation, expected.evaluation, expected.total):
        assert 0 <= part.low <= part.middle <= part.high < math.inf


@pytest.mark.parametrize("name", [m.name for m in METHODS.values() if m.for_production])
def test_a_job_that_took_what_was_forecast_measures_a_ratio_of_one(name: str) -> None:
    expected = forecast(name, SITUATION)
    measured = measure(
        name,
        {},
        SITUATION,
        unlearning_seconds=6.0 * expected.unlearning.middle,
        evaluation_seconds=6.0 * expected.evaluation.middle,
    )
    assert measured is not None
    assert measured.unlearning == (pytest.approx(1) if expected.unlearning.middle else None)
    assert measured.evaluation == pytest.approx(1)


def test_settings_count_in_what_was_expected() -> None:
    default, twice = (
        measure("npo", c, SITUATION, unlearning_seconds=6.0, evaluation_seconds=None) for c in ({}, {"steps": 80})
    )
    assert default is not None
    assert twice is not None
    assert default.unlearning is not None
    assert twice.unlearning == pytest.approx(default.unlearning / 2)
    assert twice.evaluation is None


@pytest.mark.parametrize(
    ("situation", "clock"),
    [
        (replace(SITUATION, trained_on="cuda"), "other_device"),
        (replace(SITUATION, trained_on=""), "not_measured"),
        (replace(SITUATION, device=""), "not_measured"),
        (replace(SITUATION, facts=replace(FACTS, trained_seconds=0.0)), "not_measured"),
    ],
)
def test_seconds_of_another_device_are_never_compared(situation: Situation, clock: str) -> None:
    assert situation.clock == clock
    assert measure("npo", {}, situation, unlearning_seconds=1.0, evaluation_seconds=1.0) is None


def test_unknown_methods_and_settings_are_refused() -> None:
    with pytest.raises(SpecError, match="no method"):
        forecast("magic", SITUATION)
    with pytest.raises(SpecError, match="no option"):
        measure("npo", {"speed": 1}, SITUATION, unlearning_seconds=1.0, evaluation_seconds=None)
