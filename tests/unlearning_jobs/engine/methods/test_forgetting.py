"""What the methods do to the classifier that learned twelve leaves under the wrong tree by heart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.methods.rewinding import errors
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins

CASES: list[tuple[str, dict[str, Any]]] = [
    ("kl_retain", {"floor": "none"}),
    ("simnpo", {"floor": "none"}),
    ("wga", {"floor": "none"}),
    ("satimp", {"floor": "none"}),
    ("ceu", {"floor": "none"}),
    ("undial", {"floor": "none"}),
    ("pdu", {"floor": "none"}),
    ("rmu", {"steps": 80}),
    ("task_vector", {"learning_rate_share": 0.3}),
    ("finetune_retain", {"epochs": 10}),
    ("noise_finetune", {}),
    ("scrub", {"rewind": "none"}),
    ("partial_reset", {"variant": "head"}),
    ("partial_reset", {"variant": "random_layers"}),
    ("partial_reset", {"variant": "saliency"}),
    ("partial_reset", {"variant": "prune_l1"}),
    ("salun", {}),
    ("oracle_matching", {"oracles": 3}),
]


def mean_margin(model: TrainedModel, tasks: Tasks, ids: tuple[str, ...]) -> float:
    margins = mean_margins(model, model.family.encode(tasks["classifier"].context.training_data.snapshot.get(ids)))
    return sum(margins) / len(margins)


def accuracy(model: TrainedModel, tasks: Tasks, ids: tuple[str, ...]) -> float:
    wrong = errors(model, model.family.encode(tasks["classifier"].context.training_data.snapshot.get(ids)))
    return 1 - sum(wrong) / len(wrong)


@pytest.mark.parametrize(("name", "config"), CASES)
def test_the_wrong_labels_fade_and_the_others_stay(name: str, config: dict[str, Any], tasks: Tasks) -> None:
    task = tasks["classifier"]
    result = make_method(MethodChoice(name, config)).unlearn(task.model, task.context, lambda _: None)
    forget, retain, held_out = task.context.forget_ids, task.context.retain_ids, task.context.held_out_ids
    assert mean_margin(result, tasks, forget) < mean_margin(task.model, tasks, forget) - 1
    assert accuracy(result, tasks, retain) > 0.9
    assert accuracy(result, tasks, held_out) > accuracy(task.model, tasks, held_out) - 0.05
