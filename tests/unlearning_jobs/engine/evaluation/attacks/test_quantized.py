"""The attack by rounding: what a change that is too small for the grid had hidden."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.families.foreign_adapters import adapted, frozen, logits_of
from tests.unlearning_jobs.engine.families.foreign_checkpoints import gpt2, write_checkpoint, write_corpus
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.evaluation.attacks import Target
from unlearning_jobs.engine.evaluation.attacks.attack import mean_log_probabilities
from unlearning_jobs.engine.evaluation.attacks.quantized import Quantized4, Quantized8, quantized, rounded_to
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .conftest import PROTOCOL, Sets, attacked, broken, log_probabilities, mean, with_noise


def rounded_by_hand(rows: list[list[float]], bits: int) -> list[list[float]]:
    highest, rounded = 2 ** (bits - 1) - 1, []
    for row in rows:
        scale = max(abs(weight) for weight in row) / highest
        rounded.append([round(weight / scale) * scale if scale else 0.0 for weight in row])
    return rounded


@pytest.mark.parametrize("bits", [4, 8])
def test_each_output_channel_is_rounded_to_its_own_grid(bits: int) -> None:
    matrix = torch.randn(5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    matrix[2] = 0
    matrix[3] *= 100
    expected = torch.tensor(rounded_by_hand(matrix.tolist(), bits), dtype=torch.float64)
    assert torch.allclose(rounded_to(matrix, bits), expected)
    assert torch.allclose(rounded_to(matrix.T, bits, channel=1), expected.T)
    assert all(len(set(row.tolist())) <= 2**bits - 1 for row in rounded_to(matrix, bits))
    kernel = matrix.reshape(5, 7, 1, 1)
    assert torch.equal(rounded_to(kernel, bits).reshape(5, 7), rounded_to(matrix, bits))


@pytest.mark.parametrize(("attack", "bits"), [(Quantized4(), 4), (Quantized8(), 8)])
def test_the_statistic_is_the_log_likelihood_of_the_network_with_rounded_matrices(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe, attack: Quantized4 | Quantized8, bits: int
) -> None:
    by_hand = copy.deepcopy(deep.network)
    with torch.no_grad():
        for parameter in by_hand.parameters():
            if parameter.dim() == 2:
                parameter.copy_(torch.tensor(rounded_by_hand(parameter.double().tolist(), bits)))
    data = Target(deep, sets, deep_recipe, PROTOCOL).sequences("forget")
    expected = [mean(log_probabilities(by_hand, one.ids, one.start)) for one in data.encoded]
    found = attacked(attack, deep, sets, deep_recipe)
    assert list(found) == [attack.name]
    assert found[attack.name] == pytest.approx(expected, rel=1e-3)


def test_the_model_keeps_its_weights_and_the_copy_ties_what_was_tied(deep: TrainedModel) -> None:
    before = {name: tensor.clone() for name, tensor in deep.network.state_dict().items()}
    copied = quantized(deep, 4).network
    assert all(torch.equal(tensor, before[name]) for name, tensor in deep.network.state_dict().items())
    names = dict(copied.named_parameters(remove_duplicate=False))
    assert names["lm_head.weight"] is names["model.embed_tokens.weight"]
    assert torch.equal(names["model.norm.weight"], before["model.norm.weight"]), "norms are not rounded"


def test_who_moves_weights_by_less_than_half_a_level_hides_nothing_of_it(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    """The liar: its answers change, and after the rounding it is its original again."""
    liar = copy.deepcopy(deep.network)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in liar.parameters():
            if parameter.dim() == 2:
                largest = parameter.abs().amax(1, keepdim=True)
                level = largest / 7
                moved = (parameter / level).round() * level
                moved += 0.45 * level * (2 * torch.rand(parameter.shape, generator=generator) - 1)
                moved = torch.minimum(torch.maximum(moved, -largest), largest)
                parameter.copy_(torch.where(parameter.abs() == largest, parameter, moved))
    hidden = TrainedModel(liar, deep.family)
    known = {
        name: mean_log_probabilities(score(model, model.family.encode(sets["forget"])))
        for name, model in (("original", deep), ("liar", hidden))
    }
    assert min(np.abs(np.subtract(known["original"], known["liar"]))) > 0.01
    rounded = [attacked(Quantized4(), model, sets, deep_recipe)["quantized_4"] for model in (deep, hidden)]
    assert rounded[0] == pytest.approx(rounded[1], abs=1e-4)


def test_what_an_adapter_adds_is_rounded_with_the_layer_and_the_shared_checkpoint_stays(tmp_path: Path) -> None:
    """GPT-2's layers have their outputs along the other axis."""
    data = adapted(write_checkpoint(tmp_path / "checkpoint", gpt2), write_corpus(tmp_path))
    model = with_noise(TrainedModel(data.family.build(1).eval(), data.family), 0.2, layer="lora")
    shared = {name: tensor.clone() for name, tensor in frozen(model.network).items()}
    rounded = quantized(model, 4)
    assert all(torch.equal(tensor, shared[name]) for name, tensor in frozen(model.network).items())
    assert not torch.allclose(logits_of(rounded.network), logits_of(model.network), atol=1e-4)
    whole, own = data.family.weights(model.network), rounded.family.weights(rounded.network)
    name = "transformer.h.0.mlp.c_fc.weight"
    expected = torch.tensor(rounded_by_hand(whole[name].T.double().tolist(), 4)).T
    assert torch.allclose(own[name].double(), expected.double(), atol=1e-6)


def test_a_classifier_of_images_is_rounded_too(leaf_model: TrainedModel) -> None:
    rounded = quantized(leaf_model, 4)
    matrices = [parameter for parameter in rounded.network.parameters() if parameter.dim() > 1]
    assert matrices
    assert all(len(set(row.flatten().tolist())) <= 15 for matrix in matrices for row in matrix)


def test_a_model_without_numbers_has_none_after_the_attack_either(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    assert np.isnan(attacked(Quantized8(), broken(deep), sets, deep_recipe)["quantized_8"]).all()
