"""The order of the advisor's list, and what it says of each method."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from compliance.formats.verdicts import GUARANTEES
from unlearning_jobs.engine.advisor import REASONS, RULES, Advice, Measurement, Situation, advise
from unlearning_jobs.engine.catalogue import METHODS, Budget, Facts, obstacles
from unlearning_jobs.engine.contracts import (
    ClassifierArchitecture,
    LlamaArchitecture,
    LogisticArchitecture,
    MethodChoice,
    Protocol,
    Recipe,
    SumsArchitecture,
    UnlearningStep,
)
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.contracts.sharding import Sharding

CLASSIFIER = Recipe("classifier", ClassifierArchitecture("mlp"), 26, 8, 1e-3)
PRIVATE = replace(CLASSIFIER, privacy=Privacy(4.0))
LOGISTIC = Recipe("logistic", LogisticArchitecture(), 1, 8, 0.1)
RECIPES = (
    CLASSIFIER,
    PRIVATE,
    replace(CLASSIFIER, sharding=Sharding(shards=5)),
    LOGISTIC,
    Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 26, 8, 1e-3, vocabulary_size=300),
    Recipe("summation", SumsArchitecture("ridge"), 1, 8, 0.0),
)
IN_PRODUCTION = {entry.name for entry in METHODS.values() if entry.for_production}
DEVICES = st.sampled_from(["", "cpu", "cuda"])
STEPS = st.sampled_from(["retrain", "npo", "dp_sgd", "certified_removal"]).map(
    lambda name: UnlearningStep(MethodChoice(name), ("a", "b"))
)
FACTS = st.builds(
    Facts,
    st.sampled_from(RECIPES),
    forget=st.integers(0, 50),
    retain=st.integers(0, 500),
    held_out=st.integers(0, 3),
    trained_seconds=st.sampled_from([0.0, 6.0, 3600.0]),
    earlier=st.lists(STEPS, max_size=2).map(tuple),
    epsilon=st.none() | st.floats(0.01, 2),
    budget_spent=st.floats(0, 1.5),
)
SIZES = (Protocol((), tuple(range(4))), Protocol(tuple(range(3)), tuple(range(3, 11))))
"""With evidence besides measurements, and without."""
PROTOCOLS = st.builds(
    lambda replicates, oracles, looks: Protocol(tuple(range(replicates)), tuple(range(99, 99 + oracles)), looks=looks),
    st.integers(0, 8),
    st.integers(4, 12),
    st.integers(1, 3),
)
SITUATIONS = st.builds(
    Situation,
    FACTS,
    annex=PROTOCOLS,
    measured=PROTOCOLS,
    trained_on=DEVICES,
    device=DEVICES,
    seconds_left=st.none() | st.floats(-1e5, 1e6),
)
MEASUREMENTS = st.lists(
    st.builds(
        Measurement,
        method=st.sampled_from(sorted(IN_PRODUCTION)),
        family=st.sampled_from(["classifier", "causal_lm", "logistic"]),
        device=st.sampled_from(["cpu", "cuda"]),
        unlearning=st.none() | st.floats(0.01, 100),
        evaluation=st.none() | st.floats(0.01, 100),
    ),
    max_size=6,
)
SITUATION = Situation(
    Facts(CLASSIFIER, forget=5, retain=87, held_out=40, trained_seconds=6.0), *SIZES, trained_on="cpu", device="cpu"
)


COSTLY_ANNEX = replace(SITUATION, annex=Protocol((), tuple(range(40))))
"""An installation that compares exact results with more models than others."""


def about(situation: Situation, name: str) -> Advice:
    return next(advice for advice in advise(situation) if advice.method == name)


def middle(advice: Advice) -> float:
    return advice.forecast.total.middle if advice.forecast else math.inf


@given(SITUATIONS, MEASUREMENTS)
def test_every_method_for_requests_is_in_the_list_once_with_all_its_obstacles(
    situation: Situation, measurements: list[Measurement]
) -> None:
    listed = advise(situation, measurements)
    assert sorted(advice.method for advice in listed) == sorted(IN_PRODUCTION)
    for advice in listed:
        assert list(advice.obstacles) == obstacles(advice.method, situation.facts)
        assert (advice.forecast is None) is (advice.reason == "blocked") is not advice.can_run


@given(SITUATIONS, MEASUREMENTS)
def test_no_method_with_an_obstacle_is_above_one_without(situation: Situation, measurements: list[Measurement]) -> None:
    can_run = [advice.can_run for advice in advise(situation, measurements)]
    assert can_run == sorted(can_run, reverse=True)


@given(SITUATIONS, MEASUREMENTS)
def test_the_rules_apply_in_their_order(situation: Situation, measurements: list[Measurement]) -> None:
    places = [
        (advice.in_time is False, GUARANTEES.index(advice.guarantee), middle(advice), METHODS[advice.method].title)
        for advice in advise(situation, measurements)
        if advice.can_run
    ]
    assert places == sorted(places)
    assert [rule.code for rule in RULES] == ["obstacles", "deadline", "guarantee", "cost", "name"]


@given(SITUATIONS, MEASUREMENTS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_list_does_not_depend_on_the_order_of_the_measurements(
    situation: Situation, rows: tuple[list[Measurement], list[Measurement]]
) -> None:
    assert advise(situation, rows[0]) == advise(situation, rows[1])


@given(SITUATIONS, MEASUREMENTS)
def test_each_reason_is_true_of_the_place(situation: Situation, measurements: list[Measurement]) -> None:
    above: list[Advice] = []
    for advice in advise(situation, measurements):
        assert advice.reason in REASONS
        same = [other for other in above if other.guarantee == advice.guarantee and other.reason != "late"]
        if advice.reason == "cheapest":
            assert not same
        elif advice.reason == "costlier":
            assert middle(advice) > middle(same[-1])
        elif advice.reason == "equal":
            assert middle(advice) == middle(same[-1])
        else:
            assert advice.reason == ("late" if advice.can_run else "blocked")
        assert (advice.reason == "late") is (advice.in_time is False)
        above.append(advice)


def test_the_guarantee_counts_more_than_the_cost() -> None:
    ordered = [advice for advice in advise(COSTLY_ANNEX) if advice.can_run]
    assert ordered[0].method == "retrain"
    assert middle(ordered[0]) > middle(ordered[1])
    assert ordered[-1].guarantee == "control"


def test_the_upper_end_decides_whether_a_job_ends_in_time() -> None:
    expected = about(SITUATION, "retrain").forecast
    assert expected is not None
    longest = 6.0 * expected.total.high
    assert about(replace(SITUATION, seconds_left=longest + 1), "retrain").in_time
    assert about(replace(SITUATION, seconds_left=longest - 1), "retrain").in_time is False


def test_what_would_be_late_comes_below_what_is_in_time_whatever_its_guarantee() -> None:
    costs = {advice.method: advice.forecast.total.high for advice in advise(COSTLY_ANNEX) if advice.forecast}
    between = 6.0 * (costs["retrain"] + costs["gradient_ascent"]) / 2
    ordered = [advice.method for advice in advise(replace(COSTLY_ANNEX, seconds_left=between)) if advice.can_run]
    assert ordered.index("retrain") > ordered.index("gradient_ascent")


def test_after_the_deadline_nothing_is_in_time_even_where_no_time_is_known() -> None:
    late = replace(SITUATION, seconds_left=-1.0, trained_on="")
    assert {advice.in_time for advice in advise(late) if advice.can_run} == {False}


def test_without_a_clock_or_a_deadline_nothing_is_said_about_being_in_time() -> None:
    for situation in (SITUATION, replace(SITUATION, seconds_left=60.0, trained_on="cuda")):
        assert {advice.in_time for advice in advise(situation)} == {None}


def test_a_private_models_budget_is_told_before_and_after_this_erasure() -> None:
    earlier = (UnlearningStep(MethodChoice("dp_sgd"), ("a", "b")),)
    private = replace(SITUATION.facts, recipe=PRIVATE, forget=4, epsilon=0.2, earlier=earlier)
    spent = about(replace(SITUATION, facts=private), "dp_sgd").budget
    assert spent is not None
    assert spent.after is not None
    assert (round(spent.before, 9), round(spent.after, 9)) == (round(2 * 0.2 / 3, 9), round(6 * 0.2 / 3, 9))
    assert spent.examples_left == 15 - 6  # 15 x 0.2 = 3, the default limit
    too_many = replace(private, forget=14)
    assert about(replace(SITUATION, facts=too_many), "dp_sgd").obstacles


def test_what_ends_the_promise_of_a_private_model_is_said() -> None:
    private = replace(SITUATION, facts=replace(SITUATION.facts, recipe=PRIVATE, epsilon=0.2))
    assert about(private, "npo").ends == ("dp_sgd",)
    assert about(private, "retrain").ends == about(private, "dp_sgd").ends == about(SITUATION, "npo").ends == ()
    after = replace(private, facts=replace(private.facts, earlier=(UnlearningStep(MethodChoice("npo"), ("a",)),)))
    assert "its promise ended there" in " ".join(about(after, "dp_sgd").obstacles)


def test_what_certified_removal_will_spend_is_known_only_from_its_step() -> None:
    convex = replace(SITUATION.facts, recipe=LOGISTIC, budget_spent=0.4)
    assert about(replace(SITUATION, facts=convex), "certified_removal").budget == Budget(0.4, after=None)
    assert about(replace(SITUATION, facts=replace(convex, budget_spent=1.0)), "certified_removal").obstacles
