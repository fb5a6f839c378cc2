"""SalUn: wrong labels, and salient weights alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.methods import ExampleCounter, make_method
from unlearning_jobs.engine.methods.saliency import mask_of_largest, mean_gradients
from unlearning_jobs.engine.methods.salun import mislabelled
from unlearning_jobs.engine.training.training_data import TrainingData


def test_a_drawn_label_is_never_the_right_one_and_each_wrong_one_comes_as_often() -> None:
    classes, count = 4, 12_000
    logits = torch.zeros(classes, classes)
    logits[range(classes), range(classes)] = 50.0  # certain of class r in row r
    labels = torch.arange(count) % classes
    generator = torch.Generator().manual_seed(0)
    predictions = Predictions(torch.zeros(count, classes), labels, torch.arange(count))
    assert float(mislabelled(predictions, generator)) == pytest.approx(math.log(classes))
    certain = Predictions(logits[labels], labels, torch.arange(count))
    assert float(mislabelled(certain, generator)) == pytest.approx(50, rel=1e-4)  # 0 for every right label drawn
    for wrong in range(1, classes):
        leaning = logits[(labels + wrong) % classes]
        share = 1 - float(mislabelled(Predictions(leaning, labels, torch.arange(count)), generator)) / 50
        assert share == pytest.approx(1 / 3, abs=5 * math.sqrt(2 / 9 / count))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_only_the_salient_weights_change_whatever_the_recipe_decays(share: float, tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    training_data = context.training_data
    decaying = TrainingData(replace(training_data.recipe, weight_decay=0.1), training_data.snapshot, training_data.family)
    forget = model.family.encode(training_data.snapshot.get(context.forget_ids))
    masks = mask_of_largest(mean_gradients(model, forget, ExampleCounter()), share)

    method = make_method(MethodChoice("salun", {"epochs": 2, "share": share}))
    result = method.unlearn(model, replace(context, training_data=decaying), lambda _: None)
    for new, old, mask in zip(result.network.parameters(), model.network.parameters(), masks, strict=True):
        assert torch.equal(new[mask == 0], old[mask == 0])
    changed = sum(int((a != b).sum()) for a, b in zip(result.network.parameters(), model.network.parameters(), strict=True))
    assert changed > 0.9 * sum(int(mask.sum()) for mask in masks)
