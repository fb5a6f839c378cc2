"""The attack by hints: other examples to forget stand before the question."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.evaluation.attacks import Target, check_attacks
from unlearning_jobs.engine.evaluation.attacks.attack import attacked_with
from unlearning_jobs.engine.evaluation.attacks.hinted import Hinted, hints_that_fit
from unlearning_jobs.engine.families.causal_lm import CausalLmFamily
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import PROTOCOL, Sets, attacked, broken, log_probabilities, mean

ASKED = replace(PROTOCOL, attacks=("hinted",))


def reading(model: TrainedModel, tokens: int) -> TrainedModel:
    """The same model, which reads so many tokens at most."""
    assert isinstance(model.family, CausalLmFamily)
    return TrainedModel(model.network, replace(model.family, max_length=tokens))


def test_the_answer_is_scored_after_whole_examples_that_the_attacker_by_relearning_has_too(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    found = attacked(Hinted(), deep, sets, deep_recipe)
    encoded = Target(deep, sets, deep_recipe, PROTOCOL).sequences("forget").encoded
    known = attacked_with(12, PROTOCOL.sample_seed)
    assert len(known) == 3
    for number, one in enumerate(encoded):
        if number in known:
            assert math.isnan(found["hinted"][number])
            assert math.isnan(found["hints"][number])
            continue
        hints: list[int] = []
        given = 0
        for position in known:
            if len(hints) + len(encoded[position].ids) + len(one.ids) > 96:
                break
            hints += encoded[position].ids
            given += 1
        answer = log_probabilities(deep.network, [*hints, *one.ids], len(hints) + one.start)
        assert found["hints"][number] == given > 0
        assert found["hinted"][number] == pytest.approx(mean(answer), rel=1e-3)


def test_hints_are_given_as_long_as_there_is_room() -> None:
    hints = [[1] * 5, [1] * 3, [1] * 9]
    assert [hints_that_fit(hints, room) for room in (4, 5, 7, 8, 17, 99)] == [0, 1, 1, 2, 3, 3]


def test_an_example_without_room_for_a_hint_has_no_number(deep: TrainedModel, sets: Sets, deep_recipe: Recipe) -> None:
    lengths = [len(one.ids) for one in Target(deep, sets, deep_recipe, PROTOCOL).sequences("forget").encoded]
    known = attacked_with(12, PROTOCOL.sample_seed)
    others = [length for number, length in enumerate(lengths) if number not in known]
    room = lengths[known[0]] + max(others) - 1  # the longest one has no room
    found = attacked(Hinted(), reading(deep, room), sets, deep_recipe)
    longest = [number for number, length in enumerate(lengths) if length == max(others) and number not in known]
    assert all(found["hints"][number] == 0 and math.isnan(found["hinted"][number]) for number in longest)
    assert np.isfinite(found["hinted"]).any()


def test_where_no_two_examples_fit_the_job_is_refused_before_anything_is_trained(deep: TrainedModel, sets: Sets) -> None:
    longest = max(len(one.ids) for one in deep.family.encode(sets["forget"]).encoded)  # type: ignore[attr-defined]  # a family of texts
    with pytest.raises(ObstacleError, match=f"reads {longest} tokens"):
        check_attacks(ASKED, reading(deep, longest).family, sets["forget"])
    check_attacks(ASKED, deep.family, sets["forget"])


def test_a_model_without_numbers_has_none_after_the_attack_either(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    assert np.isnan(attacked(Hinted(), broken(deep), sets, deep_recipe)["hinted"]).all()
