"""The attack by the logit lens: the answer is read before the last layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.families.foreign_checkpoints import gpt2, prepared, write_checkpoint, write_corpus
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.evaluation.attacks import Target
from unlearning_jobs.engine.evaluation.attacks.attack import mean_log_probabilities
from unlearning_jobs.engine.evaluation.attacks.lens import Lens, read_at
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .conftest import PROTOCOL, Sets, attacked, broken, mean, with_noise


def read_by_hand(network: Any, norm: torch.nn.Module, ids: tuple[int, ...], start: int, layer: int) -> float:
    """By the states that transformers itself returns."""
    with torch.no_grad():
        states = network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer]
        found = network.lm_head(norm(states))[0].log_softmax(-1)
    return mean([float(found[place - 1, ids[place]]) for place in range(start, len(ids))])


def known(model: TrainedModel, sets: Sets) -> list[float]:
    return mean_log_probabilities(score(model, model.family.encode(sets["forget"])))


@pytest.mark.parametrize("layer", [1, 2])
def test_the_states_of_a_layer_go_through_final_norm_and_output_layer(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe, layer: int
) -> None:
    before = known(deep, sets)
    with read_at(deep, layer):
        found = known(deep, sets)
    network = cast("Any", deep.network)
    data = Target(deep, sets, deep_recipe, PROTOCOL).sequences("forget")
    expected = [read_by_hand(network, network.model.norm, one.ids, one.start, layer) for one in data.encoded]
    assert found == pytest.approx(expected, rel=1e-3)
    assert known(deep, sets) == before, "the model answers as before"


def test_it_reads_another_architecture_in_the_same_way(tmp_path: Path) -> None:
    data = prepared(write_checkpoint(tmp_path / "checkpoint", gpt2), write_corpus(tmp_path))
    model = with_noise(TrainedModel(data.family.build(1).eval(), data.family), 0.2)
    examples = {"forget": list(data.snapshot.examples("train"))[:3]}
    found = attacked(Lens(), model, examples, data.recipe)["lens"]
    network = cast("Any", model.network)
    encoded = Target(model, examples, data.recipe, PROTOCOL).sequences("forget").encoded
    expected = [read_by_hand(network, network.transformer.ln_f, one.ids, one.start, 1) for one in encoded]
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_original_chooses_the_layer_for_every_model(deep: TrainedModel, sets: Sets, deep_recipe: Recipe) -> None:
    other = with_noise(deep, 1.0, seed=8)
    choices = []
    for original, model in ((deep, other), (other, deep)):
        found = attacked(Lens(), model, sets, deep_recipe, original)
        [layer] = set(found["lens_layer"])
        levels = []
        for number in (1, 2):
            with read_at(original, number):
                levels.append(mean(np.exp(known(original, sets)).tolist()))
        assert layer == 1 + int(np.argmax(levels))
        with read_at(model, int(layer)):
            assert found["lens"] == pytest.approx(known(model, sets))
        choices.append(layer)


def test_who_hides_in_the_last_layer_hides_nothing_from_the_lens(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    """The liar: only its last layer is another one."""
    liar = with_noise(deep, 0.5, layer="layers.2.")
    assert not np.allclose(known(liar, sets), known(deep, sets), atol=0.01)
    found = attacked(Lens(), liar, sets, deep_recipe, deep)["lens"]
    assert found == pytest.approx(attacked(Lens(), deep, sets, deep_recipe)["lens"])


def test_a_model_without_numbers_has_none_after_the_attack_either(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    assert np.isnan(attacked(Lens(), broken(deep), sets, deep_recipe, deep)["lens"]).all()
    assert np.isnan(attacked(Lens(), broken(deep), sets, deep_recipe)["lens"]).all(), "not even the original"
