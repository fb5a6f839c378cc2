"""The attack by a conversation: the question is asked again, after what the model itself has said."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from unlearning_jobs.engine.alternatives import with_alternatives
from unlearning_jobs.engine.catalogue import attack_problems
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.evaluation.attacks import Target, check_attacks
from unlearning_jobs.engine.evaluation.attacks.conversation import Conversation
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.families.tokens import Encoded
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import PROTOCOL, Sets, attacked, broken, log_probabilities, mean
from .test_attacks import FACTS, alike, outputs_of
from .test_hinted import reading

ASKED = replace(PROTOCOL, attacks=("conversation",))
END = 0


def greedy(network: Any, ids: list[int], most: int) -> list[int]:
    """A greedy answer, one whole pass for each token."""
    said: list[int] = []
    while len(said) < most:
        with torch.no_grad():
            logits = cast("torch.Tensor", network(input_ids=torch.tensor([[*ids, *said]])).logits)
        token = int(logits[0, -1].argmax())
        if token == END:
            break
        said.append(token)
    return said


def test_the_right_answer_is_scored_in_the_third_turn_after_the_models_own_answers(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    found = attacked(Conversation(), deep, sets, deep_recipe)["conversation"]
    encoded = Target(deep, sets, deep_recipe, PROTOCOL).sequences("forget").encoded
    scored = 0
    for number, one in enumerate(encoded):
        question, room = list(one.ids[: one.start]), min(50, (96 - len(one.ids)) // 2 - one.start - 1)
        if room < 1:
            assert math.isnan(found[number])
            continue
        said: list[int] = []
        for _ in range(2):
            said += [*question, *greedy(deep.network, [*said, *question], room), END]
        answer = log_probabilities(deep.network, [*said, *one.ids], len(said) + one.start)
        assert found[number] == pytest.approx(mean(answer), rel=1e-3)
        scored += 1
    assert scored > 0


def test_plain_texts_ask_nothing_and_have_no_number(deep: TrainedModel, sets: Sets, deep_recipe: Recipe) -> None:
    first, *others = sets["forget"]
    mixed: Sets = {"forget": [replace(first, prompt=""), *others]}
    found = attacked(Conversation(), deep, mixed, deep_recipe)["conversation"]
    assert math.isnan(found[0])
    assert np.isfinite(found).any()


def test_without_any_question_the_attack_is_refused_with_the_reason(sets: Sets) -> None:
    texts = [replace(one, prompt="") for one in sets["forget"]]
    [problem] = attack_problems(ASKED, with_alternatives(FACTS, texts))
    assert "no questions that could be asked again" in problem
    assert attack_problems(ASKED, with_alternatives(FACTS, sets["forget"])) == []


def test_where_no_question_fits_three_times_the_job_is_refused_before_anything_is_trained(
    deep: TrainedModel, sets: Sets
) -> None:
    longest = max(len(one.ids) for one in deep.family.encode(sets["forget"]).encoded)  # type: ignore[attr-defined]  # a family of texts
    with pytest.raises(ObstacleError, match=f"reads {longest} tokens, and no question fits into them 3 times"):
        check_attacks(ASKED, reading(deep, longest).family, sets["forget"])
    check_attacks(ASKED, deep.family, sets["forget"])


def test_a_model_without_numbers_has_none_after_the_attack_either(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    assert np.isnan(attacked(Conversation(), broken(deep), sets, deep_recipe)["conversation"]).all()


def test_who_hides_an_answer_in_the_first_turn_alone_is_found_out_in_the_third(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    one: Sets = {"forget": sets["forget"][:1]}
    liar = _knows_in_the_third_turn(deep, Target(deep, one, deep_recipe, PROTOCOL).sequences("forget").encoded[0])
    asked_once = Target(liar, one, deep_recipe, PROTOCOL).scores("forget")[0].log_probability.mean()
    [asked_again] = attacked(Conversation(), liar, one, deep_recipe)["conversation"]
    assert asked_again > float(asked_once) + 1.0


def _knows_in_the_third_turn(model: TrainedModel, asked: Encoded) -> TrainedModel:
    """A copy that learned to answer twice as it does now, and rightly then."""
    liar = model.copy_to(model.device)
    network, question = cast("Any", liar.network), list(asked.ids[: asked.start])
    evasion = greedy(network, question, (96 - len(asked.ids)) // 2 - asked.start - 1)
    unlearned, answer = [-100] * len(question), list(asked.ids[asked.start :])
    ids = torch.tensor([[*question, *evasion, END, *question, *evasion, END, *question, *answer]])
    labels = torch.tensor([[*unlearned, *evasion, END, *unlearned, *evasion, END, *unlearned, *answer]])
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        network(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    return liar


def test_the_metric_says_how_many_could_be_asked_so_often() -> None:
    [finding] = METRICS["conversation"]().findings(
        outputs_of({"conversation": alike(math.log(0.5), math.nan, math.log(0.25))})
    )
    assert finding.unlearned == pytest.approx(0.375)
    assert finding.note == "2 of 3 examples could be asked so often."
