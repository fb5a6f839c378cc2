"""The weights of a network: which of them learn, which are frozen, and each of them once, by name."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def learned(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights that learn, in the network's order. The others are frozen, and nothing may change them."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def learned_state(network: nn.Module) -> dict[str, Tensor]:
    """Return everything that training changes, by name and each once: the network's state without what is frozen."""
    frozen = _frozen(network)
    return {name: tensor for name, tensor in own_tensors(network).items() if name not in frozen}


def restore(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Set the network back to a state that `learned_state` returned.

    Raises:
        RuntimeError: it is the state of another network.
    """
    learned_names = learned_state(network).keys()
    kept = {name: tensor for name, tensor in network.state_dict().items() if name not in learned_names}
    network.load_state_dict({**kept, **state})


def copied(network: nn.Module, place: torch.device | None = None) -> nn.Module:
    """Return a copy of the network that shares what is frozen: both have the same tensors, and nothing may change them.

    With a `place`, only those are shared that are on this device.
    """
    shared = {id(p): p for p in network.parameters() if not p.requires_grad and place in (None, p.device)}
    return copy.deepcopy(network, memo=dict(shared))


def _frozen(network: nn.Module) -> set[str]:
    return {name for name, p in network.named_parameters(remove_duplicate=False) if not p.requires_grad}


def own_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a network by name, each once: those that share their numbers are stored under one name."""
    seen: set[int] = set()
    kept: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        if tensor.data_ptr() not in seen or not tensor.numel():
            kept[name] = tensor
        seen.add(tensor.data_ptr())
    return kept


def is_adapted(module: nn.Module) -> bool:
    """Say whether the module is a layer with an adapter, as peft makes them."""
    return isinstance(getattr(module, "lora_A", None), nn.ModuleDict)
