"""The group-privacy formula, and the ledger of one model's life."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.contracts import MethodChoice, UnlearningStep
from unlearning_jobs.engine.privacy_budget import (
    affordable_examples,
    broken_promise,
    budget_share,
    erased_examples,
    group_privacy,
    overspent,
    steps_since_training,
)

EPSILONS = st.floats(1e-6, 3.0)
DELTAS = st.floats(1e-12, 1e-3)


def step(method: str, *ids: str) -> UnlearningStep:
    return UnlearningStep(MethodChoice(method), ids)


@given(EPSILONS, DELTAS, st.integers(0, 40))
def test_the_formula_is_the_sum_of_the_chain_of_neighbours(epsilon: float, delta: float, examples: int) -> None:
    spent_epsilon, spent_delta = group_privacy(epsilon, delta, examples)
    assert spent_epsilon == pytest.approx(sum(epsilon for _ in range(examples)))
    assert spent_delta == pytest.approx(
        min(1.0, delta * math.fsum(math.exp(i * epsilon) for i in range(examples))), rel=1e-6
    )


@pytest.mark.parametrize(
    ("epsilon", "examples", "expected"),
    [
        (1.0, 2, (2.0, 3.7e-5)),
        (1.0, 5, (5.0, 8.6e-4)),
        (1.0, 10, (10.0, 0.13)),
        (0.5, 10, (5.0, 2.3e-3)),
        (0.1, 20, (2, 6e-4)),
    ],
)
def test_the_formula_gives_the_references_examples(epsilon: float, examples: int, expected: tuple[float, float]) -> None:
    assert group_privacy(epsilon, 1e-5, examples) == pytest.approx(expected, rel=0.03)


def test_one_example_costs_what_the_accountant_says_and_none_costs_nothing() -> None:
    assert group_privacy(0.7, 1e-5, 1) == pytest.approx((0.7, 1e-5))
    assert group_privacy(0.7, 1e-5, 0) == (0, 0)
    assert group_privacy(0.0, 1e-5, 3) == pytest.approx((0, 3e-5))


def test_a_delta_never_passes_one_however_many_examples() -> None:
    assert group_privacy(5.0, 1e-5, 1_000_000) == (5_000_000, 1.0)
    assert group_privacy(5.0, 0.0, 1_000_000) == (5_000_000, 0.0)


@pytest.mark.parametrize("wrong", [(-1.0, 1e-5, 1), (1.0, -1e-5, 1), (1.0, 1e-5, -1)])
def test_negative_numbers_are_refused(wrong: tuple[float, float, int]) -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        group_privacy(*wrong)


@given(EPSILONS, DELTAS, st.floats(0, 10), st.floats(0, 0.1))
def test_what_is_affordable_is_within_the_limits_and_one_more_is_not(
    epsilon: float, delta: float, max_epsilon: float, max_delta: float
) -> None:
    most = affordable_examples(epsilon, delta, max_epsilon=max_epsilon, max_delta=max_delta)
    for examples, fits in ((most, True), (most + 1, False)):
        spent_epsilon, spent_delta = group_privacy(epsilon, delta, examples)
        assert (spent_epsilon <= max_epsilon and spent_delta <= max_delta) is fits
        assert (overspent(epsilon, delta, examples, max_epsilon=max_epsilon, max_delta=max_delta) is None) is fits
        assert (budget_share(spent_epsilon, spent_delta, max_epsilon=max_epsilon, max_delta=max_delta) <= 1) is fits


def test_an_overspent_budget_says_by_how_much_and_what_to_do() -> None:
    problem = overspent(1.0, 1e-5, 7, max_epsilon=3.0, max_delta=1e-3)
    assert problem is not None
    assert "7 examples" in problem
    assert "epsilon 7" in problem
    assert "enough for 3" in problem
    assert "Retrain" in problem


def test_examples_of_all_requests_add_up_until_the_model_is_trained_again() -> None:
    ledger = [step("dp_sgd", "a", "b"), step("dp_sgd", "c")]
    assert erased_examples(ledger, 4) == 7
    assert erased_examples([*ledger, step("retrain", "d")], 4) == 4
    assert erased_examples([*ledger, step("retrain", "d"), step("dp_sgd", "e")], 4) == 5
    assert steps_since_training([]) == ()


def test_another_methods_step_ends_the_promise_until_the_next_training() -> None:
    assert broken_promise([step("dp_sgd", "a")], "dp_sgd") is None
    assert "npo" in (broken_promise([step("dp_sgd", "a"), step("npo", "b")], "dp_sgd") or "")
    assert broken_promise([step("npo", "b"), step("retrain", "c")], "dp_sgd") is None
