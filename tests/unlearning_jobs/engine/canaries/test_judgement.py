"""What scores say: left over, overshot, nothing found as far as can be seen, or nothing at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unlearning_jobs.engine.canaries.drawing import Draw
from unlearning_jobs.engine.canaries.judgement import judge_scores
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.evaluation.exchange import exchange_test, smallest_found

CANARIES = 64


def drawn(number: int = 0, count: int = CANARIES) -> Draw:
    """A draw with a secret that a test can repeat."""
    secret = np.random.default_rng(number).bytes(32).hex()
    return Draw(f"model {number}", "a" * 64, tuple(map(example_id, range(count))), secret)


def scores(draw: Draw, *, shift: float, seed: int = 1) -> dict[str, float]:
    """Log-odds with heavy tails, in which the trained half stands this much higher."""
    noise = np.random.default_rng(seed).standard_t(4, size=len(draw.ids))
    trained = frozenset(draw.trained)
    return {one: float(value + shift * (one in trained)) for one, value in zip(draw.ids, noise, strict=True)}


def known(draw: Draw) -> dict[str, float]:
    return scores(draw, shift=8)


def test_a_model_without_traces_raises_an_alarm_in_three_to_eight_of_a_hundred_draws() -> None:
    alarms = 0
    for number in range(1000):
        draw = drawn(number)
        values = np.array(list(scores(draw, shift=0, seed=number + 5000).values()))
        alarms += exchange_test(values, np.isin(draw.ids, draw.trained), draws=999).p_value <= 0.05
    assert 30 <= alarms <= 80


def test_where_nothing_was_done_something_is_left_over_every_time() -> None:
    for number in range(24):
        draw = drawn(number)
        original = scores(draw, shift=3, seed=number)
        assert judge_scores(draw, original, original).outcome == "left_over"


def test_a_model_that_knows_them_less_than_strangers_is_overshot() -> None:
    draw = drawn()
    found = judge_scores(draw, known(draw), scores(draw, shift=-3))
    assert found.outcome == "overshot"
    assert found.difference is not None
    assert found.difference < 0


def test_nothing_found_says_what_would_have_been() -> None:
    draw = drawn()
    found = judge_scores(draw, known(draw), scores(draw, shift=0, seed=7))
    assert found.outcome == "nothing_found"
    assert found.smallest is not None
    assert f"{found.smallest:.3g} in log-odds" in found.reasons[0]
    assert (found.draws, found.exhaustive) == (9999, False)
    assert not any("pass" in text for text in (found.outcome, *found.reasons, *found.does_not_show))


def test_the_smallest_difference_is_found_in_four_of_five_draws() -> None:
    values = np.random.default_rng(3).standard_t(4, size=CANARIES)
    smallest = smallest_found(values, CANARIES // 2)
    assert smallest is not None
    found = 0
    for number in range(300):
        draw = drawn(number)
        trained = np.isin(draw.ids, draw.trained)
        found += exchange_test(values + smallest * trained, trained, draws=999).p_value <= 0.05
    assert 0.72 <= found / 300 <= 0.88


def test_an_original_that_shows_nothing_makes_the_test_say_nothing() -> None:
    draw = drawn()
    found = judge_scores(draw, scores(draw, shift=0), scores(draw, shift=0))
    assert found.outcome == "says_nothing"
    assert "does not show clearly" in found.reasons[0]


def test_an_original_that_knows_the_other_half_better_shows_nothing_either() -> None:
    draw = drawn()
    assert judge_scores(draw, scores(draw, shift=-8), scores(draw, shift=0)).outcome == "says_nothing"


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("which", ["original", "unlearned"])
def test_a_model_that_gives_no_numbers_says_nothing(which: str, broken: float) -> None:
    draw = drawn()
    given = {"original": known(draw), "unlearned": scores(draw, shift=0)}
    given[which][draw.ids[5]] = broken
    found = judge_scores(draw, given["original"], given["unlearned"])
    assert found.outcome == "says_nothing"
    assert "gives 1 of 64 canaries no number" in found.reasons[0]
    assert found.p_value is None


def test_the_secret_of_another_model_says_nothing() -> None:
    """What a liar gets who takes a draw that the model was not trained by."""
    own, other = drawn(1), drawn(2)
    assert judge_scores(other, scores(own, shift=4), scores(own, shift=0)).outcome == "says_nothing"


def test_canaries_that_the_pipeline_missed_are_left_over_whatever_the_scores_say() -> None:
    draw = drawn()
    gone = scores(draw, shift=0, seed=7)
    found = judge_scores(draw, known(draw), gone, forgotten=draw.trained[3:])
    assert (found.outcome, found.missed) == ("left_over", 3)
    assert "missed 3 of 32" in found.reasons[0]


def test_all_or_none_were_forgotten() -> None:
    draw = drawn()
    gone = scores(draw, shift=0, seed=7)
    everything = judge_scores(draw, known(draw), gone, forgotten=(*draw.ids, "e00009999"))
    assert (everything.outcome, everything.missed) == ("nothing_found", 0)
    nothing = judge_scores(draw, known(draw), gone, forgotten=())
    assert (nothing.outcome, nothing.missed) == ("left_over", 32)
    unknown = judge_scores(draw, known(draw), gone)
    assert unknown.missed is None
    assert any("pipeline" in text for text in unknown.does_not_show)


def test_few_canaries_are_compared_in_every_assignment() -> None:
    draw = drawn(count=10)
    found = judge_scores(draw, known(draw), known(draw))
    assert (found.outcome, found.draws, found.exhaustive) == ("left_over", 252, True)


def test_scores_that_are_all_alike_are_no_difference() -> None:
    draw = drawn()
    found = judge_scores(draw, known(draw), dict.fromkeys(draw.ids, 1.0))
    assert (found.outcome, found.p_value) == ("nothing_found", 1.0)


def test_the_numbers_survive_their_json() -> None:
    draw = drawn()
    found = judge_scores(draw, known(draw), scores(draw, shift=0, seed=7))
    assert type(found).from_json(found.to_json()) == found
