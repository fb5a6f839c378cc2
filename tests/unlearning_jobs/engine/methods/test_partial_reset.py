"""Every variant resets what it says, to what a new network has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.contracts import ClassifierArchitecture, MethodChoice
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import ExampleCounter, make_method
from unlearning_jobs.engine.methods.resetting import last_layer, masks, reset, weighted_layers
from unlearning_jobs.engine.methods.saliency import mean_gradients
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model

CPU = torch.device("cpu")
IN, BIAS, OUT, LAST_BIAS = range(4)
"""The parameters of a multilayer perceptron with one hidden layer."""


def chosen(variant: str, share: float, tasks: Tasks, model: TrainedModel | None = None, seed: int = 0) -> list[Tensor]:
    task = tasks["classifier"]
    return masks(variant, share, model or task.model, task.context, torch.Generator().manual_seed(seed))


def deep(tasks: Tasks) -> TrainedModel:
    family = replace(tasks["classifier"].model.family, architecture=ClassifierArchitecture("mlp", depth=5))  # type: ignore[type-var]  # a dataclass
    return TrainedModel(family.build(0), family)


def test_the_head_is_the_last_layer_with_its_bias(tasks: Tasks) -> None:
    assert [bool(mask.all()) for mask in chosen("head", 1.0, tasks)] == [False, False, True, True]
    assert not any(bool(mask.any()) for mask in chosen("head", 1.0, tasks)[:OUT])


def test_a_head_that_is_the_embedding_too_is_refused(tasks: Tasks) -> None:
    with pytest.raises(ObstacleError, match="another variant than head"):
        last_layer(tasks["causal_lm"].model.network)


def test_random_layers_are_whole_layers_as_many_as_asked_for_and_the_seed_draws_them(tasks: Tasks) -> None:
    model = deep(tasks)
    assert len(weighted_layers(model.network)) == 6
    drawn = set()
    for seed in range(8):
        found = chosen("random_layers", 0.5, tasks, model, seed)
        whole = [bool(mask.all()) for mask in found]
        assert [bool(mask.any()) for mask in found] == whole
        assert whole[::2] == whole[1::2]  # a weight goes with its bias
        assert sum(whole) == 2 * 3
        drawn.add(tuple(whole))
    assert len(drawn) > 1


def test_even_a_tiny_share_takes_a_layer(tasks: Tasks) -> None:
    assert sum(bool(mask.any()) for mask in chosen("random_layers", 0.001, tasks, deep(tasks))) == 2


def test_pruning_takes_the_smallest_weights_over_all_matrices_and_no_bias(tasks: Tasks) -> None:
    found, parameters = chosen("prune_l1", 0.3, tasks), list(tasks["classifier"].model.network.parameters())
    sizes = torch.cat([parameters[i].detach().abs().flatten() for i in (IN, OUT)])
    taken = torch.cat([found[i].flatten() for i in (IN, OUT)]).bool()
    assert sizes[taken].max() <= sizes[~taken].min()
    assert int(taken.sum()) == len(sizes) - round(0.7 * len(sizes))
    assert not found[BIAS].any()
    assert not found[LAST_BIAS].any()


def test_saliency_takes_the_weights_whose_gradients_differ_least(tasks: Tasks) -> None:
    task = tasks["classifier"]
    found = chosen("saliency", 0.3, tasks)
    forget = task.model.family.encode(task.context.training_data.snapshot.get(task.context.forget_ids))
    retain = task.context.training_data.without(task.context.exclude_ids)
    apart = [
        (a - b).abs()
        for a, b in zip(
            mean_gradients(task.model, retain, ExampleCounter()),
            mean_gradients(task.model, forget, ExampleCounter()),
            strict=True,
        )
    ]
    sizes = torch.cat([apart[i].flatten() for i in (IN, OUT)])
    taken = torch.cat([found[i].flatten() for i in (IN, OUT)]).bool()
    assert sizes[taken].max() <= sizes[~taken].min()
    assert float(taken.float().mean()) == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize("variant", ["head", "random_layers", "saliency", "prune_l1"])
def test_what_is_chosen_gets_fresh_values_and_nothing_else_changes(variant: str, tasks: Tasks) -> None:
    model = tasks["classifier"].model
    result, mask = model.copy_to(CPU), chosen(variant, 0.5, tasks)
    reset(result, model.family, mask, torch.Generator().manual_seed(7))
    for new, old, taken in zip(result.network.parameters(), model.network.parameters(), mask, strict=True):
        assert torch.equal(new[taken == 0], old[taken == 0])
        assert not bool((new[taken == 1] == old[taken == 1]).any())


def test_fresh_values_are_spread_as_those_of_a_new_network(tasks: Tasks) -> None:
    model = tasks["classifier"].model
    result, everything = model.copy_to(CPU), [torch.ones_like(p) for p in model.network.parameters()]
    reset(result, model.family, everything, torch.Generator().manual_seed(7))
    first = result.network[1]  # type: ignore[index]  # a sequence of layers
    assert isinstance(first, nn.Linear)
    bound = first.in_features**-0.5  # torch's own initial values are even between plus and minus this
    assert float(first.weight.detach().abs().max()) <= bound
    assert float(first.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_a_model_that_was_read_goes_back_to_its_checkpoint_and_not_to_itself(tasks: Tasks, tmp_path: Path) -> None:
    task = tasks["finetuned_lm"]
    save_model(task.model, tmp_path / "model", {})
    result, family = read_model(tmp_path / "model"), task.context.training_data.family
    before = [tensor.clone() for tensor in result.network.parameters()]
    reset(result, family, [torch.ones_like(p) for p in before], torch.Generator().manual_seed(7))
    for new, old, start in zip(result.network.parameters(), before, family.build(0).parameters(), strict=True):
        assert torch.equal(new, start)
        assert not torch.equal(old, start)


def test_weights_that_were_not_reset_learn_at_a_tenth_of_the_pace_under_saliency(tasks: Tasks) -> None:
    # With next to nothing reset, the same data and orders move nearly all weights a tenth as far as plain descent does.
    model, context = tasks["classifier"].model, tasks["classifier"].context
    slow = {"variant": "saliency", "share": 0.001, "epochs": 1, "distillation": 0.0, "learning_rate_share": 0.03}
    fast = {**slow, "variant": "prune_l1"}
    moved = []
    for config in (slow, fast):
        result = make_method(MethodChoice("partial_reset", config)).unlearn(model, context, lambda _: None)
        pairs = zip(result.network.parameters(), model.network.parameters(), strict=True)
        changes = torch.cat([(a - b).detach().abs().flatten() for a, b in pairs])
        moved.append(float(changes.median()))
    assert moved[0] == pytest.approx(0.1 * moved[1], rel=0.2)
