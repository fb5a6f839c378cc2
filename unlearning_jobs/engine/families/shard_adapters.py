"""Adapters of shards: one per shard on one checkpoint, which all of them share. They are merged, or answer together.

Merged, they are one adapter whose change of every layer is the mean of their changes. It is the products B A that are
averaged, and not the factors: the mean of the products is what averaging the whole networks gives, while the product of the
mean factors would also hold what one shard's B makes of another shard's A, which no shard has learned. The mean of S
products of rank r has a rank of up to S r, so the merged adapter has that rank; nothing is rounded or cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Adapter, CheckpointArchitecture
from unlearning_jobs.engine.errors import SpecError

from .adapters import NAME, PARTS, TENSORS, adapted_layers, adapter_tensors, load_adapter, write_adapter
from .aggregation import LanguageEnsemble, log_mean_probability
from .family import Predictions
from .weights import copied

ADAPTERS: Final = "adapters"
"""Folder of the adapters that answer together, within that of a model."""
READ_ME: Final = "README.md"
HOW_TO_READ: Final = """\
This model is {number} adapters on one checkpoint, whose digest is
{base}.
The probability that it gives a token is the mean of theirs. Each folder below `{folder}/` is read by peft on that
checkpoint, and is not this model: no single folder of transformers or peft answers as they do together. A recipe with
`"aggregation": "merge"` makes one adapter of them, which both read.
"""
HOW_TO_READ_ONE: Final = """\
This model is {number} adapter on one checkpoint, whose digest is
{base}.
The other shards had no example left to learn. The folder below `{folder}/` is read by peft on that checkpoint.
"""


def times(adapter: Adapter | None, number: int) -> Adapter:
    """Return what a merged adapter is: as many times the rank, with the same weight of every product.

    Raises:
        SpecError: there is none.
    """
    if adapter is None:
        message = "Only adapters of shards can be merged, and this recipe has none."
        raise SpecError(message)
    rank, alpha, parameters = (number * value for value in (adapter.rank, adapter.alpha, adapter.parameters))
    return replace(adapter, rank=int(rank), alpha=alpha, parameters=int(parameters))


@torch.no_grad()
def mean_adapter(networks: Sequence[nn.Module]) -> nn.Module:
    """Return a network whose adapter is the mean of theirs, on the checkpoint that they share.

    A holds all rows of their A, and B all columns of their B, each divided by their number.
    """
    merged = copied(networks[0])
    layers = [adapted_layers(network) for network in networks]
    for name, layer in adapted_layers(merged).items():
        a, b = ([getattr(of_one[name], part)[NAME].weight for of_one in layers] for part in PARTS)
        rows, columns = torch.cat(a), torch.cat(b, dim=1) / len(networks)  # (S r, inputs), (outputs, S r)
        for part, weight in zip(PARTS, (rows, columns), strict=True):
            matrix = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
            matrix.weight = nn.Parameter(weight.clone())
            getattr(layer, part)[NAME] = matrix
        layer.r[NAME], layer.lora_alpha[NAME] = len(rows), len(networks) * layer.lora_alpha[NAME]  # the scaling stays
    return merged


def predict_together(each: Sequence[Predictions]) -> Predictions:
    """Return the predictions whose probabilities are the means of these, which are of the same batch."""
    return replace(each[0], logits=log_mean_probability(predictions.logits for predictions in each))


def shard_tensors(network: LanguageEnsemble) -> dict[str, Tensor]:
    """Return the weights of all adapters, by the number of their shard and the names that peft stores them under."""
    return {
        f"shards.{number}.{name}": tensor
        for number, shard in enumerate(network.shards)
        for name, tensor in adapter_tensors(shard).items()
    }


def several(tensors: Path | Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, bytes]]:
    """Return the shape and the bytes of every tensor, for comparing them with others."""
    found = load_file(tensors) if isinstance(tensors, Path) else tensors
    return {name: (t.shape, t.detach().cpu().contiguous().numpy().tobytes()) for name, t in found.items()}


def write_ensemble(network: LanguageEnsemble, architecture: CheckpointArchitecture, folder: Path) -> None:
    """Write every adapter into a folder of its own, as peft does, and how they are read together."""
    if architecture.adapter is None:
        message = "Only adapters are saved one by one, and this recipe has none."
        raise SpecError(message)
    (folder / ADAPTERS).mkdir()
    for number, shard in enumerate(network.shards):
        write_adapter(shard, architecture.adapter, architecture.base_sha256, folder / ADAPTERS / str(number))
    text, number = (HOW_TO_READ if len(network.shards) > 1 else HOW_TO_READ_ONE), len(network.shards)
    said = text.format(number=number, base=architecture.base_sha256, folder=ADAPTERS)
    (folder / READ_ME).write_text(said, encoding="utf-8")


def read_ensemble(network: nn.Module, folder: Path, number: int) -> LanguageEnsemble:
    """Return the ensemble that `write_ensemble` wrote, given a network with a new adapter on the checkpoint.

    Raises:
        SpecError: an adapter is missing or damaged, or is no such adapter.
    """
    shards = [network, *(copied(network) for _ in range(number - 1))]
    for index, shard in enumerate(shards):
        load_adapter(shard, folder / ADAPTERS / str(index) / TENSORS)
    return LanguageEnsemble(shards)
