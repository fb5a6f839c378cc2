"""Membership by gradients and against the checkpoint, against independent arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.evaluation.attacks.conftest import broken, log_probabilities, mean
from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.evaluation.attacks import Target
from unlearning_jobs.engine.evaluation.membership import Membership, gradient_norms
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

from .test_memorisation import HELD_OUT, LEVELS, findings, outputs_of, share_of_pairs

PROTOCOL = Protocol((2, 3), (11, 12, 13, 14))
ASKED = replace(PROTOCOL, metrics=("gradient_norm", "reference"))


def test_what_hardly_pulls_at_the_weights_is_taken_for_a_member() -> None:
    norms = {model: {name: [-level for level in levels] for name, levels in sets.items()} for model, sets in LEVELS.items()}
    [finding] = findings("gradient_norm", outputs_of("gradient_norm", norms))
    assert finding.original == 1
    assert finding.unlearned == pytest.approx(share_of_pairs("unlearned", 1))
    assert finding.oracles == pytest.approx((share_of_pairs("oracle", 11), share_of_pairs("oracle", 12)))


def test_against_the_checkpoint_counts_by_how_much_likelier_an_example_has_become() -> None:
    outputs = outputs_of("log_likelihood", LEVELS, reference_log_likelihood=-1.5)
    [finding] = findings("reference", outputs)
    assert finding.unlearned == pytest.approx(share_of_pairs("unlearned", 1)), "the same for all changes nothing"
    for model in outputs.values:
        if model[1] == "held_out":
            outputs.add_columns(*model, {"reference_log_likelihood": [one - 5.0 for one in HELD_OUT]})
        else:
            outputs.add_columns(*model, {"reference_log_likelihood": [-0.1, -0.2, -0.3]})
    assert findings("reference", outputs)[0].original == 0, "the checkpoint knew them as well"


@pytest.mark.parametrize(("metric", "statistic"), [("gradient_norm",) * 2, ("reference", "reference_log_likelihood")])
def test_there_is_no_finding_without_held_out_examples_or_without_the_numbers(metric: str, statistic: str) -> None:
    forget = {model: {"forget": sets["forget"]} for model, sets in LEVELS.items()}
    assert findings(metric, outputs_of(statistic, forget, log_likelihood=-1.0)) == []
    assert findings(metric, outputs_of("log_likelihood", LEVELS)) == []
    assert findings(metric, Outputs()) == []


def norm_by_hand(model: TrainedModel, example: Example) -> float:
    """One sequence without a batch, the loss token by token, and every tensor's gradient asked for by itself."""
    [one] = cast("Any", model.family.encode([example])).encoded
    network = cast("Any", model.network)
    tensors = list(network.parameters())
    asked = [tensor.requires_grad for tensor in tensors]
    for tensor in tensors:
        tensor.requires_grad = True
    logits = network(input_ids=torch.tensor([one.ids])).logits[0]
    places = range(max(1, one.start), len(one.ids))
    loss = -sum(logits[place - 1].log_softmax(-1)[one.ids[place]] for place in places) / len(places)
    gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    for tensor, required in zip(tensors, asked, strict=True):
        tensor.requires_grad = required
    norms = [math.sqrt(float((found.double() ** 2).sum())) for found in gradients if found is not None]
    return sum(norms) / len(norms)


def asked_of(snapshot: Snapshot) -> list[Example]:
    """Prompts of several lengths, a long and a short answer, and a text without a prompt."""
    first, *others = list(snapshot.examples("train"))[:3]
    return [first, *others, replace(first, completion="No."), Example("e00000099", "train", "", "Amber and tin.")]


@pytest.mark.parametrize("trainer_of", ["trainer", "tuned_trainer", "adapted_trainer"])
def test_the_norm_is_the_mean_over_the_tensors_of_one_examples_gradient(
    trainer_of: str, request: pytest.FixtureRequest
) -> None:
    trainer: Trainer = request.getfixturevalue(trainer_of)
    model = trainer.obtain((), 1, lambda *_: None)
    examples = asked_of(trainer.training_data.snapshot)
    found = gradient_norms(model, model.family.encode(examples))
    assert found == pytest.approx([norm_by_hand(model, example) for example in examples], rel=1e-3)
    assert gradient_norms(model, model.family.encode(examples[::-1])) == pytest.approx(found[::-1], rel=1e-5)


@pytest.fixture
def adapted_trainer(tuned_trainer: Trainer) -> Trainer:
    """Trains an adapter; the checkpoint's own weights are frozen."""
    from tests.unlearning_jobs.engine.families.foreign_adapters import adapted  # which imports a conftest

    data = tuned_trainer.training_data
    assert data.family.base is not None
    return replace(tuned_trainer, training_data=adapted(data.family.base, data.snapshot))


def test_the_model_stays_as_it_was_and_one_without_numbers_has_none(model: TrainedModel, snapshot: Snapshot) -> None:
    data = model.family.encode(asked_of(snapshot))
    parameters = list(model.network.parameters())
    parameters[0].requires_grad = False
    before = [(one.clone(), one.requires_grad, one.grad) for one in parameters]
    gradient_norms(model, data)
    with torch.no_grad():
        gradient_norms(model, data)
    for one, (weights, asked, gradient) in zip(parameters, before, strict=True):
        assert bool((one == weights).all())
        assert one.requires_grad == asked
        assert one.grad is gradient, "what a training left there is still there"
    parameters[0].requires_grad = True
    assert np.isnan(gradient_norms(broken(model), data)).all()


def test_a_model_that_was_not_unlearned_gives_its_members_away(model: TrainedModel, snapshot: Snapshot) -> None:
    known, unseen = (
        gradient_norms(model, model.family.encode(list(snapshot.examples(name))[:6])) for name in ("train", "held_out")
    )
    assert max(known) < min(unseen)


def test_the_reference_is_the_checkpoint_as_it_lies_there_and_is_asked_once(tuned_trainer: Trainer) -> None:
    data = tuned_trainer.training_data
    tuned = tuned_trainer.obtain((), 1, lambda *_: None)
    sets = {name: list(data.snapshot.examples(of))[:4] for name, of in (("forget", "train"), ("held_out", "held_out"))}
    membership = Membership()
    found = membership.measure(Target(tuned, sets, data.recipe, ASKED))
    checkpoint = data.family.build(9).eval()
    for name, examples in sets.items():
        encoded = cast("Any", data.family.encode(examples)).encoded
        expected = [mean(log_probabilities(checkpoint, one.ids, one.start)) for one in encoded]
        assert found[name]["reference_log_likelihood"] == pytest.approx(expected, rel=1e-3)
    gone = replace(cast("Any", tuned.family), folder=data.snapshot.folder / "nowhere")
    again = membership.measure(Target(TrainedModel(tuned.network, gone), sets, data.recipe, ASKED))
    assert again["forget"]["reference_log_likelihood"] == found["forget"]["reference_log_likelihood"]
    with pytest.raises(CheckpointError):
        Membership().measure(Target(TrainedModel(tuned.network, gone), sets, data.recipe, ASKED))


def test_nothing_is_measured_that_no_metric_asks_for_or_that_has_no_counterpart(
    model: TrainedModel, snapshot: Snapshot, recipe: Recipe
) -> None:
    sets = {"forget": list(snapshot.examples("train"))[:2], "held_out": list(snapshot.examples("held_out"))[:2]}
    assert Membership().measure(Target(model, sets, recipe, replace(PROTOCOL, metrics=()))) == {"forget": {}, "held_out": {}}
    assert Membership().measure(Target(model, {"forget": sets["forget"]}, recipe, PROTOCOL)) == {}
    found = Membership().measure(Target(model, sets, recipe, PROTOCOL))
    assert set(found["forget"]) == {"gradient_norm"}, "a model from scratch has no reference"
