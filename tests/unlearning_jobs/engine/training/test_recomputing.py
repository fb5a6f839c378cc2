"""Gradient checkpointing: the same gradients, less memory, and estimates that say so."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import footprint
from unlearning_jobs.engine.families.language import MOST_LOGITS, examples_at_once
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.train import train

CPU = torch.device("cpu")


def passes_of_layers(trainer: Trainer, *, checkpointing: bool) -> tuple[int, torch.Tensor]:
    """How often layers compute in two steps of training, and the weights after them."""
    data = with_recipe(trainer, epochs=1, optimizer="sgd", checkpointing=checkpointing).training_data
    passes: list[str] = []

    def note(module: torch.nn.Module, _inputs: object) -> None:
        if type(module).__name__ == "LlamaMLP":
            passes.append("")

    handle = register_module_forward_pre_hook(note)
    model = train(data, (), 4, device=CPU, on_step=lambda *_: None)
    handle.remove()
    assert not any(getattr(module, "gradient_checkpointing", False) for module in model.network.modules())
    return len(passes), torch.cat([weight.detach().flatten() for weight in model.network.parameters()])


def test_layers_compute_twice_and_give_the_same_weights(trainer: Trainer) -> None:
    (once, plain), (twice, again) = (passes_of_layers(trainer, checkpointing=on) for on in (False, True))
    assert twice == 2 * once
    assert torch.allclose(plain, again, atol=1e-6)


def test_it_is_for_language_models_and_recipes_without_it_keep_their_digest(recipe: Recipe, leaf_trainer: Trainer) -> None:
    assert "checkpointing" not in recipe.to_json()
    with pytest.raises(SpecError, match="leave checkpointing out"):
        replace(leaf_trainer.training_data.recipe, checkpointing=True)


def test_the_estimate_falls_with_parts_and_with_checkpointing(recipe: Recipe, snapshot: Snapshot) -> None:
    deep = replace(recipe, batch_size=8, architecture=replace(recipe.architecture, layers=12))  # type: ignore[call-arg]  # a Llama's
    whole, parts, lean = (
        footprint(each, snapshot.info).activations
        for each in (deep, replace(deep, micro_batch=2), replace(deep, checkpointing=True))
    )
    assert whole == 4 * parts
    assert lean < whole / 2


def test_fewer_texts_are_scored_at_once_where_logits_are_many() -> None:
    assert examples_at_once(256, 512) == 64
    assert examples_at_once(256, 49_152) == 10
    assert 256 * 49_152 * examples_at_once(256, 49_152) <= MOST_LOGITS
    assert examples_at_once(8192, 256_000) == 1
