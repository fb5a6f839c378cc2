"""The attack by a prefix: the beginning of the answer is given, and what follows is scored."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.evaluation.attacks import Target, check_attacks
from unlearning_jobs.engine.evaluation.attacks.prefix import Prefix
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import PROTOCOL, Sets, attacked, broken, log_probabilities, mean

ASKED = replace(PROTOCOL, attacks=("prefix",))


def with_answers(sets: Sets, *answers: str) -> list[Example]:
    return [replace(example, completion=answer) for example, answer in zip(sets["forget"], answers, strict=False)]


def test_the_rest_after_a_quarter_of_the_tokens_is_scored_token_by_token(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    found = attacked(Prefix(), deep, sets, deep_recipe)
    for number, one in enumerate(Target(deep, sets, deep_recipe, PROTOCOL).sequences("forget").encoded):
        length = len(one.ids) - 1 - one.start
        rest = log_probabilities(deep.network, one.ids, one.start)[math.ceil(length / 4) :]
        assert found["prefix"][number] == pytest.approx(mean(rest), rel=1e-3)
        assert found["prefix_log_probability"][number] == pytest.approx(sum(rest[:-1]), rel=1e-3), "without end-of-text"


def test_an_answer_of_two_tokens_gives_one_away_and_one_of_one_token_has_no_rest(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    short = with_answers(sets, "é", "a", "Tin is it.")  # no merge is learned for the two bytes of the first
    target = Target(deep, {"forget": short}, deep_recipe, PROTOCOL)
    sizes = [len(one.ids) - 1 - one.start for one in target.sequences("forget").encoded]
    assert sizes[:2] == [2, 1]
    found = Prefix().carry_out(target)["forget"]["prefix"]
    [first] = target.sequences("forget").encoded[:1]
    assert found[0] == pytest.approx(mean(log_probabilities(deep.network, first.ids, first.start)[1:]), rel=1e-3)
    assert math.isnan(found[1])
    assert not math.isnan(found[2])


def test_a_text_without_a_prompt_is_all_answer(deep: TrainedModel, sets: Sets, deep_recipe: Recipe) -> None:
    plain = [replace(sets["forget"][0], prompt="")]
    target = Target(deep, {"forget": plain}, deep_recipe, PROTOCOL)
    [one] = target.sequences("forget").encoded
    rest = log_probabilities(deep.network, one.ids, one.start)[math.ceil((len(one.ids) - 1 - one.start) / 4) :]
    assert Prefix().carry_out(target)["forget"]["prefix"] == pytest.approx([mean(rest)], rel=1e-3)


def test_where_every_answer_is_one_token_the_job_is_refused_before_anything_is_trained(
    deep: TrainedModel, sets: Sets
) -> None:
    with pytest.raises(ObstacleError, match="one token each"):
        check_attacks(ASKED, deep.family, with_answers(sets, "a", "b"))
    check_attacks(ASKED, deep.family, with_answers(sets, "a", "b c"))
    check_attacks(PROTOCOL, deep.family, with_answers(sets, "a", "b"))


def test_a_model_without_numbers_has_none_after_the_attack_either(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    assert np.isnan(attacked(Prefix(), broken(deep), sets, deep_recipe)["prefix"]).all()
