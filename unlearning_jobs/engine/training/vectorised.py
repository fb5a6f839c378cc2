"""Many models in one loop: their weights stacked, every step taken by all of them at once (torch.func)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Sequence
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from unlearning_jobs.engine.errors import SpecError, TrainingDivergedError
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.families.classifier import ClassifierFamily

from .loop import GRADIENT_NORM, REPORT_EVERY, epoch_order, learning_rate_share, make_optimizer
from .model import TrainedModel, place
from .training_data import TrainingData

NORM_GUARD = 1e-6
"""As in `torch.nn.utils.clip_grad_norm_`."""
SEQUENTIAL = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
)
"""Layers that keep a state of their own or draw random numbers while they train."""

Wanted = tuple[Collection[str], int]
"""Ids that the model must not be trained on, and its seed."""
StackedStepCallback = Callable[[int, int], None]
"""Called with steps done, and steps in total."""


def can_be_vectorised(training_data: TrainingData) -> bool:
    """Whether this recipe's models can be trained at once.

    Those in shards re-use slices instead, and texts differ in length, so that models would not meet the same shapes.
    """
    recipe = training_data.recipe
    if (
        not isinstance(training_data.family, ClassifierFamily)
        or recipe.precision != "float32"
        or recipe.sharding
        or recipe.privacy
    ):
        return False
    with torch.device("meta"):
        return not any(isinstance(module, SEQUENTIAL) for module in training_data.family.build(0).modules())


def train_together(
    training_data: TrainingData,
    wanted: Sequence[Wanted],
    *,
    device: torch.device,
    on_step: StackedStepCallback,
    paired: bool = False,
) -> list[TrainedModel]:
    """What `train` gives for each of the wanted models, to within rounding: same seeds, same order, same schedule.

    With `paired`, the order of an epoch is drawn over all training examples, and the excluded ones are left out of it. That
    is as random an order, and models of one seed then differ by little more than by what they were not trained on: the same
    examples come in nearly the same batches.

    Raises:
        SpecError: the models do not all have the same number of training examples.
        TrainingDivergedError: the loss of one of them became NaN or infinite.
    """
    recipe, data = training_data.recipe, cast("Arrays", training_data.data)
    kept = [training_data.positions(exclude_ids) for exclude_ids, _ in wanted]
    if len({len(positions) for positions in kept}) != 1:
        message = "Models that are trained at once need the same number of training examples."
        raise SpecError(message)
    places = torch.tensor(kept)
    order = _thinned if paired else _shuffled
    inputs, labels = data.inputs.to(device), data.labels.to(device)

    networks = [place(training_data.family.build(seed), device) for _, seed in wanted]
    parameters, buffers = stack_module_state(networks)
    skeleton = copy.deepcopy(networks[0]).to("meta")

    def loss_of(weights: dict[str, Tensor], state: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(skeleton, (weights, state), (x,)), y)

    optimizer = make_optimizer(recipe, parameters.values())
    examples = places.shape[1]
    total = recipe.epochs * math.ceil(examples / recipe.batch_size)
    done = 0
    for epoch in range(recipe.epochs):
        rows = [order(own, len(data), epoch_order(seed, epoch)) for own, (_, seed) in zip(places, wanted, strict=True)]
        for chosen in torch.split(torch.stack(rows).to(device), recipe.batch_size, dim=1):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * learning_rate_share(done, total, recipe.warmup_share)
            losses = vmap(loss_of)(parameters, buffers, inputs[chosen], labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(losses.sum())
            _clip_each(parameters)
            optimizer.step()
            done += 1
            if done % REPORT_EVERY == 0 or done == total:
                if not bool(torch.isfinite(losses).all()):
                    message = (
                        f"The loss became {losses.sum().item()} after {done} of {total} steps; lower the learning rate."
                    )
                    raise TrainingDivergedError(message)
                on_step(done, total)
    return [TrainedModel(_unstacked(network, parameters, k), training_data.family) for k, network in enumerate(networks)]


def _shuffled(kept: Tensor, _examples: int, generator: torch.Generator) -> Tensor:
    """The kept places in a random order, as `train` takes them."""
    return kept[torch.randperm(len(kept), generator=generator)]


def _thinned(kept: Tensor, examples: int, generator: torch.Generator) -> Tensor:
    """A random order of all places, of which the kept ones stay."""
    wanted = torch.zeros(examples, dtype=torch.bool)
    wanted[kept] = True
    order = torch.randperm(examples, generator=generator)
    return order[wanted[order]]


def _clip_each(parameters: dict[str, Tensor]) -> None:
    """Scale each model's gradient to a norm of at most GRADIENT_NORM."""
    gradients = [p.grad for p in parameters.values() if p.grad is not None]
    norms = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
    scale = (GRADIENT_NORM / (norms + NORM_GUARD)).clamp(max=1.0)
    for g in gradients:
        g.mul_(scale.view(-1, *[1] * (g.dim() - 1)))


def _unstacked(network: nn.Module, parameters: dict[str, Tensor], k: int) -> nn.Module:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(parameters[name][k])
    return network.eval()
