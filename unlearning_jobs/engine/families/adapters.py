"""Low-rank adapters on the network of a checkpoint: which layers have them, how they are added, written, read and merged.

They are made by peft, and stored as peft stores them. It is loaded when a recipe has adapters, since that takes a second.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.artefacts import ABOUT
from unlearning_jobs.engine.contracts import Adapter
from unlearning_jobs.engine.errors import SpecError

from .weights import is_adapted, own_tensors

CONFIG: Final = "adapter_config.json"
TENSORS: Final = "adapter_model.safetensors"
METADATA: Final = {"format": "pt"}
NAME: Final = "default"
"""What peft calls an adapter within a network."""
PREFIX: Final = "base_model.model."
"""Stands before the names of layers in files of peft."""
PARTS: Final = ("lora_A", "lora_B")
MOST_NAMED: Final = 5
"""How many tensors an error names."""


def linear_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return all layers that can have adapters, or have them, by name: linear ones, but for one that is an embedding."""
    embeddings = cast("Any", network).get_input_embeddings().weight
    return {
        name.removesuffix(".base_layer"): module
        for name, module in network.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and module.weight is not embeddings and not _is_part(name)
    }


def _is_part(name: str) -> bool:
    """Say whether this is the name of a matrix within an adapter."""
    return any(name.endswith(f".{part}.{NAME}") for part in PARTS)


def target_layers(network: nn.Module, targets: Sequence[str]) -> dict[str, nn.Module]:
    """Return the layers that the targets of an adapter name, by their whole names.

    Raises:
        SpecError: the network does not have them; the message names those that it has.
    """
    linear, answers = linear_layers(network), cast("Any", network).get_output_embeddings()
    if not targets:
        return {name: layer for name, layer in linear.items() if layer is not answers}
    if unknown := [target for target in targets if not any(_ends_with(name, target) for name in linear)]:
        message = (
            f"The checkpoint has no linear layers of its own called {', '.join(unknown)}; an adapter can name"
            f" {', '.join(last_parts(linear))}."
        )
        raise SpecError(message)
    return {name: layer for name, layer in linear.items() if any(_ends_with(name, target) for target in targets)}


def last_parts(names: Iterable[str]) -> list[str]:
    """Return what layers are called within their blocks, each once."""
    return sorted({name.rpartition(".")[2] for name in names})


def _ends_with(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def sized(adapter: Adapter, network: nn.Module) -> Adapter:
    """Return the adapter with the number of its parameters on this network, which may have no numbers in it.

    Raises:
        SpecError: the network does not have the layers.
    """
    shapes = (adapter_shapes(layer, adapter.rank) for layer in target_layers(network, adapter.targets).values())
    return replace(adapter, parameters=sum(math.prod(shape) for both in shapes for shape in both))


def adapter_shapes(layer: nn.Module, rank: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the shapes of the two matrices of an adapter on the layer: (rank, inputs) and (outputs, rank)."""
    rows, columns = cast("Tensor", layer.weight).shape
    outputs, inputs = (columns, rows) if isinstance(layer, Conv1D) else (rows, columns)
    return (rank, inputs), (outputs, rank)


def check_adapter(adapter: Adapter, network: nn.Module) -> None:
    """Check that a recipe's adapter is one for this network.

    Raises:
        SpecError: it is not.
    """
    if (found := sized(adapter, network).parameters) != adapter.parameters:
        message = f"The adapter has {found} parameters, and the recipe says {adapter.parameters}; describe it again."
        raise SpecError(message)


def add_adapter(network: nn.Module, adapter: Adapter, seed: int) -> None:
    """Put an adapter on the network, and freeze all else. As it is new, the network answers as before.

    Raises:
        SpecError: the network does not have the layers, or peft cannot adapt exactly these.
    """
    from peft import LoraConfig, inject_adapter_in_model

    layers = target_layers(network, adapter.targets)
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=cast("int", adapter.alpha),  # any number will do: it is divided by the rank
        target_modules=sorted(layers),
        fan_in_fan_out=_are_transposed(layers.values()),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, network, adapter_name=NAME)
    if differs := layers.keys() ^ adapted_layers(network).keys():
        message = f"Adapters on {', '.join(sorted(differs)[:MOST_NAMED])} are not possible for this kind of model."
        raise SpecError(message)
    learning = {id(tensor) for tensor in adapter_tensors(network).values()}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in learning)


def adapted_layers(network: nn.Module) -> dict[str, Any]:
    """Return the layers with adapters, by name."""
    return {name: module for name, module in network.named_modules() if is_adapted(module)}


def adapter_tensors(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of the adapters, by the names that peft stores them under."""
    return {
        f"{PREFIX}{name}.{part}.weight": getattr(layer, part)[NAME].weight
        for name, layer in adapted_layers(network).items()
        for part in PARTS
    }


def _are_transposed(layers: Iterable[nn.Module]) -> bool:
    return all(isinstance(layer, Conv1D) for layer in layers)


def merged(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights of a network without adapters that answers alike, by the checkpoint's own names."""
    layers = adapted_layers(network)
    adapters = {f"{name}.{part}.{NAME}.weight" for name in layers for part in PARTS}
    for name, tensor in own_tensors(network).items():
        owner, _, own = name.rpartition(".base_layer.")
        if owner in layers:
            yield f"{owner}.{own}", _with_change(layers[owner], tensor) if own == "weight" else tensor
        elif name not in adapters:
            yield name, tensor


def merge_in(network: nn.Module) -> None:
    """Give every layer with an adapter the weights of both, and the adapter nothing to add.

    Tensors are exchanged and not changed: another network may have the same ones.
    """
    for layer in adapted_layers(network).values():
        own, b = layer.get_base_layer(), layer.lora_B[NAME]
        own.weight = nn.Parameter(_with_change(layer, own.weight), requires_grad=own.weight.requires_grad)
        b.weight = nn.Parameter(torch.zeros_like(b.weight))


@torch.no_grad()
def _with_change(layer: Any, weight: Tensor) -> Tensor:
    """Return the weights of a layer and its adapter in one.

    The sum is taken in double precision, rank after rank, and rounded once: every machine gets the same bits.
    """
    a, b = (getattr(layer, part)[NAME].weight.double() for part in PARTS)  # (rank, inputs), (outputs, rank)
    change = torch.zeros(b.shape[0], a.shape[1], dtype=torch.float64, device=a.device)
    for row, column in zip(a, b.T, strict=True):
        change += column[:, None] * row
    change *= layer.scaling[NAME]
    transposed = isinstance(layer.get_base_layer(), Conv1D)
    return (weight.double() + (change.T if transposed else change)).float()


def is_merged(network: nn.Module, file: Path) -> bool:
    """Say whether a file of weights holds exactly those of the network and its adapters. Holds one of them at a time.

    Raises:
        SafetensorError: the file is damaged.
        OSError: it cannot be read.
    """
    with safe_open(file, "pt") as stored:
        missing = set(stored.keys())
        for name, tensor in merged(network):
            if name not in missing or not torch.equal(stored.get_tensor(name), tensor.cpu()):
                return False
            missing.remove(name)
    return not missing


def write_adapter(network: nn.Module, adapter: Adapter, base_sha256: str, folder: Path) -> None:
    """Write the network's adapter as peft does, and beside it which checkpoint it belongs to.

    What says the same is written in the same bytes, whichever version of peft there is.
    """
    folder.mkdir()
    layers = adapted_layers(network)
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "r": adapter.rank,
        "lora_alpha": int(adapter.alpha) if adapter.alpha.is_integer() else adapter.alpha,
        "lora_dropout": 0.0,
        "target_modules": short_names(layers, linear_layers(network)),
        "fan_in_fan_out": _are_transposed(layer.get_base_layer() for layer in layers.values()),
        "bias": "none",
        "inference_mode": True,
    }
    (folder / CONFIG).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter_tensors(network).items()}
    save_file(tensors, folder / TENSORS, metadata=METADATA)
    (folder / ABOUT).write_bytes(canonical_json({"base_sha256": base_sha256}))


def short_names(chosen: Iterable[str], linear: Iterable[str]) -> list[str]:
    """Return the fewest names that mean these of all linear layers: the last parts of their names, or all of each."""
    whole = set(chosen)
    short = last_parts(whole)
    meant = {name for name in linear if any(_ends_with(name, part) for part in short)}
    return short if meant == whole else sorted(whole)


@torch.no_grad()
def load_adapter(network: nn.Module, file: Path) -> None:
    """Give the network's adapters the weights in a file of peft's.

    Raises:
        SpecError: the file is missing or damaged, or holds other tensors than these adapters have; they are named.
    """
    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        message = f"The adapter's {file.name} is missing or damaged ({type(error).__name__})."
        raise SpecError(message) from None
    expected = adapter_tensors(network)
    if wrong := sorted({name for name, _ in _shapes(found) ^ _shapes(expected)}):
        named = ", ".join(wrong[:MOST_NAMED])
        message = f"{len(wrong)} tensors of the adapter are missing, of no use or of another shape ({named})."
        raise SpecError(message)
    for name, tensor in expected.items():
        tensor.copy_(found[name])


def _shapes(tensors: Mapping[str, Tensor]) -> set[tuple[str, torch.Size]]:
    return {(name, tensor.shape) for name, tensor in tensors.items()}
