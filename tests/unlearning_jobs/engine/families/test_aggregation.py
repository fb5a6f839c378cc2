"""Several networks that answer as one, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts.sharding import Aggregation
from unlearning_jobs.engine.families.aggregation import aggregate, merge
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model

INPUTS = torch.randn(40, 6, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def networks() -> list[nn.Module]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        return [nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4)).eval() for _ in range(3)]


def logits_of(networks: list[nn.Module]) -> npt.NDArray[np.float64]:
    with torch.inference_mode():
        return np.stack([network(INPUTS).double().numpy() for network in networks])


def answer(networks: list[nn.Module], aggregation: Aggregation) -> npt.NDArray[np.float64]:
    with torch.inference_mode():
        out: Tensor = aggregate(networks, aggregation)(INPUTS)
        return out.double().numpy()


def test_the_mean_is_of_probabilities(networks: list[nn.Module]) -> None:
    exponentials = np.exp(logits_of(networks))
    mean = (exponentials / exponentials.sum(-1, keepdims=True)).mean(0)
    np.testing.assert_allclose(np.exp(answer(networks, "mean")), mean, rtol=1e-5)


def test_a_vote_counts_networks_and_half_a_vote_for_every_class(networks: list[nn.Module]) -> None:
    votes = np.stack([(logits_of(networks).argmax(-1) == c).sum(0) for c in range(4)], axis=-1)
    np.testing.assert_allclose(np.exp(answer(networks, "vote")), (votes + 0.5) / (3 + 4 * 0.5), rtol=1e-5)


def test_merging_averages_weights_and_running_statistics(networks: list[nn.Module]) -> None:
    for number, network in enumerate(networks):
        network.get_buffer("1.running_mean").fill_(number)
        network.get_buffer("1.num_batches_tracked").fill_(7 + number)
    merged = merge(networks)
    for name, weights in merged.named_parameters():
        expected = np.mean([network.get_parameter(name).detach().numpy() for network in networks], axis=0)
        np.testing.assert_allclose(weights.detach().numpy(), expected, rtol=1e-6, atol=1e-7)
    assert merged.get_buffer("1.running_mean").tolist() == [1.0] * 5
    assert int(merged.get_buffer("1.num_batches_tracked")) == 7


def test_merging_leaves_the_networks_alone(networks: list[nn.Module]) -> None:
    before = logits_of(networks)
    merge(networks)
    np.testing.assert_array_equal(logits_of(networks), before)


@pytest.mark.parametrize("aggregation", ["mean", "vote", "merge"])
def test_several_alike_answer_like_one(aggregation: Aggregation, networks: list[nn.Module]) -> None:
    alone, together = answer(networks[:1], aggregation), answer(networks[:1] * 3, aggregation)
    np.testing.assert_array_equal(together.argmax(-1), alone.argmax(-1))
    if aggregation != "vote":  # two more votes change a share
        np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("aggregation", ["mean", "vote", "merge"])
def test_a_saved_model_answers_the_same(aggregation: Aggregation, leaf_trainer: Trainer, tmp_path: Path) -> None:
    family = leaf_trainer.training_data.family
    model = TrainedModel(aggregate([family.build(seed) for seed in range(3)], aggregation), family)
    save_model(model, tmp_path / "model", {})
    batch = leaf_trainer.training_data.data.batch(range(20), torch.device("cpu"))
    again = read_model(tmp_path / "model")
    assert torch.equal(family.predict(again.network, batch).logits, family.predict(model.network, batch).logits)
    assert not again.network.training
