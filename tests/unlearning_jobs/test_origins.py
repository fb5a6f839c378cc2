"""What the list of models says of how a version was trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.factories import RECIPE, model_version
from tests.unlearning_jobs.test_views import visit
from unlearning_jobs.engine.catalogue import ATTACKS
from unlearning_jobs.engine.contracts import (
    Adapter,
    CheckpointArchitecture,
    ClassifierArchitecture,
    Protocol,
    Recipe,
    Sharding,
)
from unlearning_jobs.models import RegisteredRecipe
from unlearning_jobs.origins import guarantee_about, origin_sentences, stage_sentences
from unlearning_jobs.report.attacks import oracles_under_attack

pytestmark = pytest.mark.django_db
ADAPTED = replace(
    RECIPE, family="finetuned_lm", architecture=CheckpointArchitecture("1" * 64, 9000, 64, 2, 300, adapter=Adapter(4, 8))
)
NETWORKS = Recipe("classifier", ClassifierArchitecture("mlp"), 8, 8, 1e-3)


def by(recipe: Recipe, **sharding: Any) -> RegisteredRecipe:
    made = replace(recipe, epochs=8, sharding=Sharding(**sharding))
    return RegisteredRecipe.objects.create(digest=made.digest(), body=made.to_json())


def test_a_model_that_learned_everything_at_once_says_nothing_of_stages() -> None:
    assert stage_sentences(model_version()) == []


def test_how_it_is_known_what_made_a_version_is_said_of_every_version() -> None:
    trained = model_version(name="keeper")
    step = {"method": {"name": "npo", "config": {}}, "forget_ids": ["e00000001"]}
    unlearned = model_version(name="keeper", number=2, parent=trained, steps=[step], state="candidate")
    assert origin_sentences(trained) == ["keeper v1 was trained here, by its recipe."]
    [said] = origin_sentences(unlearned)
    assert said == "keeper v2 was made here, by unlearning, and goes back to a training here, by its recipe."


@pytest.mark.parametrize(
    ("recipe", "sharding", "said"),
    [
        (RECIPE, {"shards": 1, "slices": 3}, "Trained in 3 stages."),
        (
            ADAPTED,
            {"shards": 3, "slices": 2},
            (
                "The recipe has 3 shards (slices of each: 2). Each that had examples left when it was trained has an"
                " adapter on one checkpoint. Several answer together: their probabilities are averaged."
            ),
        ),
        (
            ADAPTED,
            {"shards": 2, "aggregation": "merge"},
            (
                "The recipe has 2 shards (slices of each: 1). Each that had examples left when it was trained has an"
                " adapter on one checkpoint. Several are merged into one."
            ),
        ),
        (
            NETWORKS,
            {"shards": 5, "aggregation": "vote", "placement": "by_expected_deletion", "deletion_rates": {"e00000001": 0.1}},
            (
                "The recipe has 5 shards (slices of each: 1). Each that had examples left when it was trained has a"
                " network. Several answer together: each has one vote. The likeliest deletions come last."
            ),
        ),
    ],
    ids=["stages", "adapters", "merged adapters", "networks that vote"],
)
def test_the_list_of_models_says_in_which_stages_and_shards_each_was_trained(
    recipe: Recipe, sharding: dict[str, Any], said: str
) -> None:
    model_version(name="staged", recipe=by(recipe, **sharding))
    assert said in visit("engineer").get("/jobs/models/").words


def test_a_declared_model_is_said_to_be_compared_with_its_recipe_where_replicates_are_trained_by_that() -> None:
    version = model_version(name="imported", assurance="declared")

    def said(guarantee: str, *seeds: int) -> str:
        return str(guarantee_about(guarantee, version, Protocol(replicate_seeds=seeds, oracle_seeds=(11, 12))).sentence)

    for guarantee in ("exact", "empirical"):
        assert said(guarantee, 21, 22).endswith("and a control compares the model with it.")
        assert said(guarantee).endswith("and nothing compares the model with it.")
        assert "Only where replicates" in str(guarantee_about(guarantee, version).sentence)


@pytest.mark.parametrize(("behaved", "said"), [(True, "found it near them"), (False, "the recipe may not be its own")])
def test_once_it_was_compared_with_its_recipe_the_outcome_is_said(behaved: bool, said: str) -> None:  # a case
    version, protocol = model_version(name="imported", assurance="declared"), Protocol((21, 22), (11, 12))
    evaluation = Mock(controls=[Mock(behaved=behaved)])
    evaluation.controls[0].name = "declared_against_replicates"
    words = guarantee_about("exact", version, protocol, evaluation)
    assert said in str(words.sentence)


def test_oracles_from_a_checkpoint_are_not_said_to_know_nothing() -> None:
    here = model_version(name="here")
    assert "was not learned in their training" in oracles_under_attack(here)
    started = Mock(checkpoint="sailor")
    assert "from the checkpoint “sailor”, which may have known them" in oracles_under_attack(started)


def test_an_attack_that_shows_some_of_the_examples_says_that_it_shows_them_to_oracles_too() -> None:
    assert [name for name, entry in ATTACKS.items() if "every model" in entry.remark] == ["prefix", "hinted", "relearning"]
