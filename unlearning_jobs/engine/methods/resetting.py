"""Choosing the weights that a partial reset changes, and giving them fresh values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Family
from unlearning_jobs.engine.families.aggregation import ShardEnsemble
from unlearning_jobs.engine.families.weights import is_adapted, learned
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .saliency import mask_of_smallest, mean_gradients

MATRIX_DIMENSIONS = 2
SEEDS = 2**62


def masks(variant: str, share: float, model: TrainedModel, context: Context, generator: torch.Generator) -> list[Tensor]:
    """Return 1 for every weight to reset, else 0: one tensor per parameter of the network that learns, in its order.

    Raises:
        ObstacleError: the last layer is to be reset, and the first layer uses the same weights, or it is frozen.
    """
    network = model.network
    if variant == "head":
        return _of_layers(network, [last_layer(network)])
    if variant == "random_layers":
        layers = weighted_layers(network)
        count = max(1, round(share * len(layers)))
        return _of_layers(network, [layers[i] for i in torch.randperm(len(layers), generator=generator)[:count].tolist()])
    if variant == "saliency":
        return _smallest(network, _differences(model, context), share)
    return _smallest(network, [tensor.detach() for tensor in learned(network)], share)


@torch.no_grad()
def reset(model: TrainedModel, family: Family, chosen: Sequence[Tensor], generator: torch.Generator) -> None:
    """Set the chosen weights to what another training of the family would start from, in place.

    These are the values of a newly initialised network, whose seed is drawn here; or the checkpoint's, if there is one.
    """
    fresh = starting_values(model.network, family, int(torch.randint(SEEDS, (), generator=generator)))
    for tensor, mask, new in zip(learned(model.network), chosen, fresh, strict=True):
        tensor.copy_(torch.where(mask.bool(), new.to(tensor.device), tensor))


def starting_values(network: nn.Module, family: Family, seed: int) -> list[Tensor]:
    """Return what a training of such a network with this seed starts from: a tensor for each that learns, in its order.

    All networks of shards start from the same.
    """
    fresh = [tensor.detach() for tensor in learned(family.build(seed))]
    return fresh * (len(network.shards) if isinstance(network, ShardEnsemble) else 1)


def weighted_layers(network: nn.Module) -> list[nn.Module]:
    """Return the modules that hold matrices or kernels of their own, in order: linear layers, convolutions, embeddings.

    Where layers have adapters, only those learn, and they are returned with both of their matrices.
    """
    adapted = [module for module in network.modules() if is_adapted(module)]
    return adapted or [m for m in network.modules() if any(p.dim() >= MATRIX_DIMENSIONS for p in _own(m))]


def _own(layer: nn.Module) -> list[nn.Parameter]:
    return list(layer.parameters(recurse=is_adapted(layer)))


def last_layer(network: nn.Module) -> nn.Module:
    """Return the layer that gives the answers.

    Raises:
        ObstacleError: it is frozen, or the first layer uses the same weights, as in language models with tied embeddings.
    """
    layers = weighted_layers(network)
    if any(map(is_adapted, layers)):
        message = "The network's last layer is frozen, since only adapters learn; choose another variant than head."
        raise ObstacleError(message)
    last = {id(p) for p in layers[-1].parameters()}
    if any(id(p) in last for layer in layers[:-1] for p in layer.parameters()):
        message = "The network's last layer shares its weights with its first; choose another variant than head."
        raise ObstacleError(message)
    return layers[-1]


def _of_layers(network: nn.Module, layers: Sequence[nn.Module]) -> list[Tensor]:
    chosen = {id(p) for layer in layers for p in _own(layer)}
    return [torch.full_like(p, float(id(p) in chosen)) for p in learned(network)]


def _smallest(network: nn.Module, values: Sequence[Tensor], share: float) -> list[Tensor]:
    """Choose the smallest values among those of matrices and kernels, and nothing in other tensors."""
    parameters = learned(network)
    matrices = [i for i, p in enumerate(parameters) if p.dim() >= MATRIX_DIMENSIONS]
    chosen = dict(zip(matrices, mask_of_smallest([values[i] for i in matrices], share), strict=True))
    return [chosen.get(i, torch.zeros_like(p)) for i, p in enumerate(parameters)]


def _differences(model: TrainedModel, context: Context) -> list[Tensor]:
    """Return the gradient of the mean loss on the examples to retain, minus that on the examples to forget."""
    forget = context.training_data.subset(context.forget_ids)
    retain = context.training_data.without(context.exclude_ids)
    kept, forgotten = (mean_gradients(model, data, context.counter) for data in (retain, forget))
    return [a - b for a, b in zip(kept, forgotten, strict=True)]
