"""Recipes that ask for an adapter on a checkpoint: what they say, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from unlearning_jobs.engine.contracts import Adapter, CheckpointArchitecture, Recipe, Sharding
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.adapters import adapter_tensors
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.training.training_data import TrainingData

from .foreign_adapters import RANK_4, adapted, adapter_recipe
from .foreign_checkpoints import Checkpoint, checkpoint, gpt2, recipe_of, snapshot

__all__ = ["checkpoint", "snapshot"]
"""Fixtures."""
UNTIED: dict[str, Any] = {}
TIED: dict[str, Any] = {"tie_word_embeddings": True}
GPT2: dict[str, Any] = {"kind": gpt2}


def test_without_names_all_linear_layers_have_adapters_but_not_the_one_that_answers(
    checkpoint: Checkpoint, snapshot: Snapshot
) -> None:
    names = adapter_tensors(adapted(checkpoint(), snapshot).family.build(1))
    assert len(names) == 2 * 2 * 7  # two matrices in two blocks of seven layers
    assert not any("lm_head" in name or "embed" in name for name in names)


@pytest.mark.parametrize(
    ("how", "target", "known"),
    [
        (GPT2, "q_proj", "c_attn, c_fc, c_proj"),
        (TIED, "lm_head", "down_proj, gate_proj"),
        (UNTIED, "embed_tokens", "down_proj"),
        (UNTIED, "proj", "down_proj"),
    ],
    ids=["of another kind", "the embedding as well", "no linear layer", "half a name"],
)
def test_a_target_that_the_checkpoint_does_not_have_is_named_with_those_it_has(
    checkpoint: Checkpoint, how: dict[str, Any], target: str, known: str
) -> None:
    with pytest.raises(SpecError, match=f"no linear layers of its own called {target}; an adapter can name {known}"):
        describe_checkpoint(checkpoint(**how), adapter=Adapter(4, 8, (target,)))


@pytest.mark.parametrize(
    "changes", [{"rank": 0}, {"alpha": 0}, {"alpha": float("nan")}, {"targets": ("a", "a")}, {"targets": ("",)}]
)
def test_an_adapter_without_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="adapter"):
        replace(RANK_4, **changes)


def test_recipes_from_before_keep_their_digest_and_one_with_an_adapter_has_another(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    plain, with_one = recipe_of(folder), adapter_recipe(folder)
    assert "adapter" not in plain.to_json()["architecture"]
    assert plain.digest() != with_one.digest()
    assert Recipe.from_json(json.loads(json.dumps(with_one.to_json()))).digest() == with_one.digest()
    assert Adapter(4, 8).to_json() == Adapter(4, 8.0).to_json()


def test_a_recipe_that_says_another_size_than_the_adapter_has_is_refused(checkpoint: Checkpoint, snapshot: Snapshot) -> None:
    folder = checkpoint()
    recipe = adapter_recipe(folder)
    architecture = cast("CheckpointArchitecture", recipe.architecture)
    changed = replace(recipe, architecture=replace(architecture, adapter=RANK_4))
    with pytest.raises(SpecError, match="and the recipe says 0; describe it again"):
        TrainingData.prepare(changed, snapshot, str(folder))


def test_adapters_are_not_trained_privately(checkpoint: Checkpoint) -> None:
    with pytest.raises(SpecError, match="Only a text_classifier or a classifier"):
        replace(adapter_recipe(checkpoint()), privacy=Privacy(1.0, delta=1e-5))


def test_adapters_can_have_shards_and_whole_checkpoints_only_stages(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    assert replace(adapter_recipe(folder), sharding=Sharding(shards=2)).sharding
    assert replace(recipe_of(folder), sharding=Sharding(shards=1, slices=3)).sharding
    with pytest.raises(SpecError, match="or let an adapter on a checkpoint learn"):
        replace(recipe_of(folder), sharding=Sharding(shards=2))
    with pytest.raises(SpecError, match="Language models cannot vote"):
        replace(adapter_recipe(folder), sharding=Sharding(shards=2, aggregation="vote"))
