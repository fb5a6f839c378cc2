"""The attack by relearning: what a few forget examples bring back of the others."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation.attacks import Target
from unlearning_jobs.engine.evaluation.attacks.attack import attacked_with
from unlearning_jobs.engine.evaluation.attacks.relearning import Relearning as Attack
from unlearning_jobs.engine.evaluation.metrics.relearning import Relearning
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.schedule import learning_rate_share
from unlearning_jobs.engine.training.scoring import score

FORGET = tuple(f"e{number:08d}" for number in range(8))
PROTOCOL = Protocol((2, 3), (11, 12, 13, 14), relearning=6)


@pytest.fixture(scope="module")
def forget(snapshot: Snapshot) -> list[Example]:
    return snapshot.get(FORGET)


def log_likelihoods(model: TrainedModel, examples: list[Example]) -> list[float]:
    return [float(one.log_probability.mean()) for one in score(model, model.family.encode(examples))]


@pytest.fixture(scope="module")
def silent(model: TrainedModel, forget: list[Example]) -> TrainedModel:
    """A model that says nothing of what it knows: a few steps upwards have made its answers unlikely."""
    silent = model.copy_to(torch.device("cpu"))
    data = silent.family.encode(forget)
    optimizer = torch.optim.SGD(silent.network.parameters(), lr=0.02)
    while np.mean(log_likelihoods(silent, forget)) > -6:
        predictions = silent.family.predict(silent.network, data.batch(range(len(forget)), silent.device))
        optimizer.zero_grad()
        torch.autograd.backward(-torch.nn.functional.cross_entropy(predictions.logits, predictions.labels))
        optimizer.step()
    return silent


def relearn(model: TrainedModel, examples: list[Example], recipe: Recipe, protocol: Protocol) -> Sequence[float]:
    found = Attack().carry_out(Target(model, {"forget": examples}, recipe, protocol))
    return found["forget"]["relearned"]


def others(values: Sequence[float]) -> float:
    return float(np.nanmean(values))


def test_what_was_only_silenced_comes_back_and_what_was_never_learned_does_not(
    silent: TrainedModel, trainer: Trainer, forget: list[Example], recipe: Recipe
) -> None:
    oracle = trainer.obtain(FORGET, 1, lambda *_: None)
    assert np.mean(log_likelihoods(silent, forget)) < np.mean(log_likelihoods(oracle, forget)), "it seems to know less"
    assert others(relearn(silent, forget, recipe, PROTOCOL)) > others(relearn(oracle, forget, recipe, PROTOCOL)) + 0.5


def test_the_attack_is_a_fine_tuning_by_the_recipe_on_the_examples_that_the_attacker_has(
    silent: TrainedModel, forget: list[Example], recipe: Recipe
) -> None:
    """Step by step, with torch alone."""
    chosen = attacked_with(len(forget), PROTOCOL.sample_seed)
    assert len(chosen) == 2
    network = copy.deepcopy(silent.network).train()
    data = silent.family.encode([forget[position] for position in chosen])
    optimizer = torch.optim.AdamW(network.parameters(), betas=(0.9, 0.99), weight_decay=recipe.weight_decay)
    for step in range(PROTOCOL.relearning):  # both examples fit into one batch
        optimizer.param_groups[0]["lr"] = recipe.learning_rate * learning_rate_share(step, 6, recipe.warmup_share)
        predictions = silent.family.predict(network, data.batch([0, 1], silent.device))
        optimizer.zero_grad()
        torch.autograd.backward(torch.nn.functional.cross_entropy(predictions.logits, predictions.labels))
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    expected = log_likelihoods(TrainedModel(network.eval(), silent.family), forget)
    found = relearn(silent, forget, recipe, PROTOCOL)
    assert {position for position, value in enumerate(found) if math.isnan(value)} == set(chosen)
    watched = [position for position in range(len(forget)) if position not in chosen]
    assert [found[one] for one in watched] == pytest.approx([expected[one] for one in watched], rel=1e-3, abs=1e-3)


def test_the_model_itself_stays_as_it_was_and_the_attack_repeats(
    silent: TrainedModel, forget: list[Example], recipe: Recipe
) -> None:
    before = log_likelihoods(silent, forget)
    first, second = (relearn(silent, forget, recipe, PROTOCOL) for _ in range(2))
    assert log_likelihoods(silent, forget) == before
    assert first == pytest.approx(second, nan_ok=True)


@pytest.mark.parametrize(("examples", "size"), [(2, 1), (5, 1), (6, 2), (50, 10), (500, 10)])
def test_the_attacker_has_a_fifth_and_never_more_than_ten(examples: int, size: int) -> None:
    chosen = attacked_with(examples, 7)
    assert len(set(chosen)) == size < examples
    assert chosen == attacked_with(examples, 7)


def test_a_model_whose_loss_is_no_number_could_not_be_attacked(
    silent: TrainedModel, forget: list[Example], recipe: Recipe
) -> None:
    broken = silent.copy_to(silent.device)
    with torch.no_grad():
        next(iter(broken.network.parameters())).fill_(math.nan)
    assert all(map(math.isnan, relearn(broken, forget, recipe, PROTOCOL)))


def attacked(levels: Mapping[str, list[float]]) -> Outputs:
    outputs = Outputs()
    for seed, (group, values) in enumerate(levels.items()):
        columns = {"relearned": np.log([values]), "log_likelihood": np.log([[0.1] * len(values)])}
        add_group(outputs, group.split()[0], "forget", seed, columns)  # type: ignore[arg-type]  # a group
    return outputs


LEVELS = {
    "original": [math.nan, 0.9, 0.8],
    "unlearned": [math.nan, 0.6, 0.7],
    "oracle 1": [math.nan, 0.2, 0.1],
    "oracle 2": [math.nan, 0.3, 0.3],
}


def test_the_metric_is_the_mean_probability_of_the_examples_that_the_attacker_did_not_have() -> None:
    [finding] = Relearning().findings(attacked(LEVELS))
    assert finding.examples == "forget"
    assert (finding.unlearned, finding.original) == pytest.approx((0.65, 0.85))
    assert finding.oracles == pytest.approx((0.15, 0.3))
    assert finding.note.startswith("Fine-tuned on 1 of the forget examples, measured on the 2 others. Without the attack,")
    assert "value is 0.100, and the oracles' 0.100 to 0.100." in finding.note


def test_there_is_no_finding_if_some_model_could_not_be_attacked() -> None:
    assert list(Relearning().findings(attacked(LEVELS | {"oracle 2": [math.nan] * 3}))) == []


@pytest.mark.parametrize("steps", [-1, 1001])
def test_a_protocol_has_steps_for_an_attack_within_reason(steps: int) -> None:
    [problem] = replace(PROTOCOL, relearning=steps).problems()
    assert f"not for {steps}" in problem
    assert PROTOCOL.problems() == []


def test_a_protocol_without_an_attack_keeps_its_digest() -> None:
    assert "relearning" not in replace(PROTOCOL, relearning=0).to_json()
