"""A small language model with three layers and random weights, which knows nothing and so takes no training."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import ARCHITECTURE
from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation.attacks import Columns, Target
from unlearning_jobs.engine.evaluation.attacks.attack import Attack
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData

PROTOCOL = Protocol((2, 3), (11, 12, 13, 14))
Sets = Mapping[str, Sequence[Example]]


@pytest.fixture(scope="session")
def deep_recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, architecture=replace(ARCHITECTURE, layers=3, hidden_size=32, intermediate_size=48))


@pytest.fixture(scope="session")
def deep_data(deep_recipe: Recipe, snapshot: Snapshot) -> TrainingData:
    return TrainingData.prepare(deep_recipe, snapshot)


@pytest.fixture(scope="session")
def deep(deep_data: TrainingData) -> TrainedModel:
    """Weights that are large enough for its answers to differ. Nobody may change it."""
    return with_noise(TrainedModel(deep_data.family.build(3).eval(), deep_data.family), 0.3)


@pytest.fixture(scope="session")
def sets(snapshot: Snapshot) -> Sets:
    return {"forget": list(snapshot.examples("train"))[:12], "held_out": list(snapshot.examples("held_out"))}


def with_noise(model: TrainedModel, size: float, seed: int = 5, layer: str = "") -> TrainedModel:
    """A copy with random changes to all weights, or to those of one layer."""
    changed, generator = copy.deepcopy(model.network), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in changed.named_parameters():
            if layer in name:
                parameter.add_(size * torch.randn(parameter.shape, generator=generator))
    return TrainedModel(changed, model.family)


def broken(model: TrainedModel) -> TrainedModel:
    """A copy that answers with no numbers."""
    changed = model.copy_to(model.device)
    with torch.no_grad():
        next(iter(changed.network.parameters())).fill_(math.nan)
    return changed


def attacked(
    attack: Attack, model: TrainedModel, sets: Sets, recipe: Recipe, original: TrainedModel | None = None
) -> Columns:
    """The statistics of the forget set, by an attack that was prepared by the original, or by the model itself."""
    attack.prepare(Target(original or model, sets, recipe, PROTOCOL))
    return attack.carry_out(Target(model, sets, recipe, PROTOCOL))["forget"]


def log_probabilities(network: Any, ids: Sequence[int], start: int) -> list[float]:
    """Of each token of the answer, from one sequence by itself and without a batch, by plain arithmetic."""
    with torch.no_grad():
        logits = cast("torch.Tensor", network(input_ids=torch.tensor([list(ids)])).logits)[0].double()
    found = []
    for place in range(max(1, start), len(ids)):
        before = logits[place - 1].tolist()
        highest = max(before)
        total = sum(math.exp(one - highest) for one in before)
        found.append(before[ids[place]] - highest - math.log(total))
    return found


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
