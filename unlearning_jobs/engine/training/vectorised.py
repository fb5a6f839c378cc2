"""Many models in one loop: their weights are stacked, and each step is taken for all of them at once (torch.func).

The loop is its own, since its gradients are stacked too. Schedule and divergence check are those of the other loops, and
bfloat16 is refused.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.families.arrays import Arrays

from .loop import REPORT_EVERY, check_training_loss
from .model import TrainedModel, to_device
from .schedule import GRADIENT_NORM, LearningRate, epoch_order, make_optimizer
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
"""Layers that change a state of their own or draw random numbers while they train."""


class TrainingRun(NamedTuple):
    """One of many models to train: the ids of the examples to leave out, the seed, and whose batches it takes.

    With `thinned_from`, it takes the batches of the model of the same seed that leaves those examples out, see `train`.
    Models of one seed then see the same examples in the same order, and so differ by little more than what they
    were not trained on.
    """

    exclude_ids: Collection[str]
    seed: int
    thinned_from: Collection[str] | None = None


StackedStepCallback = Callable[[int, int], None]
"""Called with the steps done, and the steps in total."""


def can_be_vectorised(training_data: TrainingData) -> bool:
    """Say whether many models of this recipe can be trained in one loop.

    Models in shards re-use slices instead. Texts differ in length, so the models would not see batches of one shape.
    """
    recipe, family = training_data.recipe, training_data.family
    if (
        not family.description.stackable
        or recipe.precision != "float32"
        or recipe.micro_batch
        or recipe.sharding
        or recipe.privacy
    ):
        return False
    return not any(isinstance(module, SEQUENTIAL) for module in family.skeleton().modules())


def train_vectorised(
    training_data: TrainingData,
    runs: Sequence[TrainingRun],
    *,
    device: torch.device,
    on_step: StackedStepCallback,
) -> list[TrainedModel]:
    """Train the models of all runs at once: up to rounding, what `train` gives for each, by the same seeds and schedule.

    Raises:
        ObstacleError: such models cannot be trained at once; see `can_be_vectorised`.
        SpecError: the runs do not all have the same number of training examples.
        TrainingDivergedError: the loss of one of the models became NaN or infinite.
    """
    if not can_be_vectorised(training_data):
        message = "Models of this recipe cannot be trained at once; train them one by one."
        raise ObstacleError(message)
    recipe, data = training_data.recipe, cast("Arrays", training_data.data)
    positions = _positions(training_data, runs)  # (models, examples)
    inputs, labels = data.inputs.to(device), data.labels.to(device)

    # 1. Stack the weights: every parameter becomes (models, ...).
    networks = [to_device(training_data.family.build(run.seed), device) for run in runs]
    parameters, buffers = stack_module_state(networks)
    skeleton = copy.deepcopy(networks[0]).to("meta")

    def loss_of(weights: dict[str, Tensor], state: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(skeleton, (weights, state), (x,)), y)

    optimizer = make_optimizer(recipe, parameters.values())
    total = recipe.epochs * math.ceil(positions.shape[1] / recipe.batch_size)
    learning_rate = LearningRate.of(recipe, total)
    batches = _batches(training_data, runs, positions)
    for done, chosen in enumerate(batches, start=1):  # chosen: (models, batch)
        learning_rate.set_for(done - 1, optimizer)

        # 2. The sum of the losses has, for every model, the gradient of that model's own loss.
        chosen_here = chosen.to(device)
        losses = vmap(loss_of)(parameters, buffers, inputs[chosen_here], labels[chosen_here])  # (models,)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.sum())
        _clip_each(parameters)

        # 3. The optimiser works number by number, so one step serves all models.
        optimizer.step()

        # 4. Report.
        if done % REPORT_EVERY == 0 or done == total:
            check_training_loss(losses.max().item(), done, total)
            on_step(done, total)
    return [TrainedModel(_unstacked(network, parameters, k), training_data.family) for k, network in enumerate(networks)]


def _positions(training_data: TrainingData, runs: Sequence[TrainingRun]) -> Tensor:
    """Return the positions of each run's training examples: (models, examples).

    Raises:
        SpecError: the runs do not all have the same number of them.
    """
    positions = [training_data.positions(run.exclude_ids) for run in runs]
    if len({len(own) for own in positions}) != 1:
        message = "Models that are trained at once need the same number of training examples."
        raise SpecError(message)
    return torch.tensor(positions)


def _batches(training_data: TrainingData, runs: Sequence[TrainingRun], positions: Tensor) -> Iterator[Tensor]:
    """Yield every model's batches of all epochs: positions (models, batch)."""
    recipe = training_data.recipe
    # What an epoch's order is drawn over: the model's own examples, or those of the model whose batches it takes.
    drawn = [
        own if run.thinned_from is None else torch.tensor(training_data.positions(run.thinned_from))
        for own, run in zip(positions, runs, strict=True)
    ]
    kept = [torch.isin(base, own) for base, own in zip(drawn, positions, strict=True)]
    for epoch in range(recipe.epochs):
        orders = [
            _thinned_order(base, is_kept, epoch_order(run.seed, epoch))
            for base, is_kept, run in zip(drawn, kept, runs, strict=True)
        ]
        yield from torch.split(torch.stack(orders), recipe.batch_size, dim=1)


def _thinned_order(base: Tensor, is_kept: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a random order of the base positions, and keep only those that are kept; both (base positions,)."""
    order = torch.randperm(len(base), generator=generator)
    return base[order[is_kept[order]]]


def _clip_each(parameters: dict[str, Tensor]) -> None:
    """Scale each model's gradient down to GRADIENT_NORM if it is longer."""
    gradients = [p.grad for p in parameters.values() if p.grad is not None]  # each (models, ...)
    norms = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()  # (models,)
    scale = (GRADIENT_NORM / (norms + NORM_GUARD)).clamp(max=1.0)
    for g in gradients:
        g.mul_(scale.view(-1, *[1] * (g.dim() - 1)))


def _unstacked(network: nn.Module, parameters: dict[str, Tensor], k: int) -> nn.Module:
    """Copy the weights of model k into the network and return it."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(parameters[name][k])
    return network.eval()
