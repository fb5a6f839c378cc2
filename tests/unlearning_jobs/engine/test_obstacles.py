"""What methods of the literature need and cost beyond what all methods do, as the catalogue says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unlearning_jobs.engine.test_catalogue import FACTS, IN_SHARDS, IN_STAGES, ON_A_CHECKPOINT, RECIPE, RECIPES
from unlearning_jobs.engine.catalogue import expected_cost, obstacles
from unlearning_jobs.engine.catalogue.attacks import attack_obstacles
from unlearning_jobs.engine.catalogue.exact import exact_in_stages
from unlearning_jobs.engine.contracts import ClassifierArchitecture
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import SpecError


def test_wrong_answers_are_preferred_only_where_the_corpus_has_some() -> None:
    assert any("choose npo" in obstacle for obstacle in obstacles("dpo", replace(FACTS, with_wrong_answers=0)))
    for known in (None, 1, 5):
        assert obstacles("dpo", replace(FACTS, with_wrong_answers=known)) == []
    assert (
        "works on causal_lm and finetuned_lm only" in obstacles("dpo", replace(FACTS, recipe=RECIPES["text_classifier"]))[0]
    )


def test_only_what_has_a_prompt_can_be_refused() -> None:
    assert any("has a prompt" in obstacle for obstacle in obstacles("idk_dpo", replace(FACTS, with_prompts=0)))
    assert obstacles("idk_dpo", replace(FACTS, with_prompts=1)) == obstacles("idk_dpo", FACTS) == []


@pytest.mark.parametrize(
    ("architecture", "complaint"),
    [
        (ClassifierArchitecture("mlp", depth=0), "no hidden layers that are known"),
        (ClassifierArchitecture("somewhere.else:Network"), "no hidden layers that are known"),
        (ClassifierArchitecture("mlp", depth=2), "last hidden layer is number 2; set"),
        (ClassifierArchitecture("resnet9"), None),
    ],
)
def test_a_layer_can_be_steered_only_if_the_model_has_it(
    architecture: ClassifierArchitecture, complaint: str | None
) -> None:
    facts = replace(FACTS, recipe=replace(RECIPES["classifier"], architecture=architecture))
    found = obstacles("rmu", facts, {"layer": 3})
    assert [complaint in problem for problem in found] == [True] if complaint else found == []


def test_shards_have_no_layers_to_steer_unless_they_were_merged() -> None:
    in_shards = {
        aggregation: replace(FACTS, recipe=replace(IN_SHARDS, sharding=Sharding(shards=20, aggregation=aggregation)))
        for aggregation in ("mean", "merge")
    }
    assert "no layers in common" in obstacles("rmu", in_shards["mean"])[0]
    assert obstacles("rmu", in_shards["merge"]) == []
    for attack in ("lens", "probe"):
        assert any("no layers in common" in problem for problem in attack_obstacles(attack, in_shards["mean"]))
        assert not any("no layers in common" in problem for problem in attack_obstacles(attack, in_shards["merge"]))


@pytest.mark.parametrize(
    ("method", "per_step", "once"),
    [  # 29 examples to retain, at most 16 a step, are two batches of 14.5
        ("wga", 5 + 14.5, 0),
        ("simnpo", 5 + 14.5, 0),
        ("undial", 5 * 4 / 3 + 14.5, 0),
        ("dpo", 2 * 5 + 14.5, 5 / 3),
        ("idk_dpo", 2 * 5 + 14.5, 5 / 3),
        ("pdu", 5 + 14.5, 87 / 3),
        ("rmu", 5 + 14.5 * 4 / 3, 5 / 3),
    ],
)
def test_what_the_original_or_another_answer_adds_to_a_step_is_counted(method: str, per_step: float, once: float) -> None:
    examples = 40 * per_step + once
    assert expected_cost(method, FACTS) == pytest.approx(examples / (RECIPE.epochs * FACTS.retain))


def test_replay_is_for_one_shard_and_adapter_shards_for_several() -> None:
    assert "not trained in stages" in obstacles("replay", FACTS)[0]
    assert "choose adapter_shards" in obstacles("replay", replace(FACTS, recipe=ON_A_CHECKPOINT))[0]
    in_stages = replace(ON_A_CHECKPOINT, sharding=Sharding(shards=1, slices=2))
    assert "choose replay" in obstacles("adapter_shards", replace(FACTS, recipe=in_stages))[0]
    assert obstacles("replay", replace(FACTS, recipe=in_stages)) == []
    whole = replace(IN_STAGES, family="finetuned_lm", architecture=RECIPES["finetuned_lm"].architecture)
    assert "not made of adapters" in obstacles("adapter_shards", replace(FACTS, recipe=whole))[0]


def test_the_exact_method_for_a_recipe_in_stages_or_shards_follows_from_it() -> None:
    assert [exact_in_stages(recipe) for recipe in (IN_SHARDS, IN_STAGES, ON_A_CHECKPOINT)] == [
        "sisa",
        "replay",
        "adapter_shards",
    ]
    with pytest.raises(SpecError, match="not trained in shards or stages"):
        exact_in_stages(RECIPE)


def test_what_is_known_of_the_stages_decides_the_cost() -> None:
    facts = replace(FACTS, recipe=IN_STAGES, forget=1)
    assert expected_cost("replay", facts) == pytest.approx(2 / 3 + 1 / 12)
    assert expected_cost("replay", replace(facts, touched=0.4)) == 0.4


def test_the_method_that_unlearns_first_decides_what_distillation_needs_and_costs() -> None:
    bare = replace(FACTS, held_out=0)
    [problem] = obstacles("distil_noised", bare)
    assert problem.startswith("Negative preference optimisation, which would unlearn first")
    assert "set floor to none" in problem
    assert obstacles("distil_noised", bare, {"teacher": "finetune_retain"}) == []
    passes = expected_cost("finetune_retain", FACTS) + 6 * 4 / 3 / RECIPE.epochs
    assert expected_cost("distil_noised", FACTS, {"teacher": "finetune_retain", "epochs": 6}) == pytest.approx(passes)
