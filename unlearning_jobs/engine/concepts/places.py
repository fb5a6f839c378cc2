"""Where an edit acts: the matrix that leads out of the MLP of a layer, and the last token of a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.weights import is_adapted
from unlearning_jobs.engine.training.model import TrainedModel

LEADS_OUT: Final = ("down_proj", "c_proj", "dense_4h_to_h", "fc2", "fc_out")
"""What architectures call the last matrix of an MLP: Llama and its kind, GPT-2, GPT-NeoX, OPT and Phi, GPT-J."""
MLP: Final = "mlp"


@dataclass(frozen=True)
class Place:
    """The last matrix of a layer's MLP. Its inputs are keys, its outputs values."""

    layer: nn.Module
    """The layer that it is in."""
    module: nn.Module

    @property
    def weight(self) -> Tensor:
        """The matrix as (outputs, inputs); GPT-2 stores it the other way round. Changes to it change the model."""
        stored = cast("Tensor", self.module.weight).data
        return stored.T if isinstance(self.module, Conv1D) else stored


def places(model: TrainedModel) -> list[Place]:
    """Return the place of every hidden layer, in order.

    Raises:
        ObstacleError: the architecture is none of those that are known, or its weights are frozen under an adapter.
    """
    layers = model.family.hidden_layers(model.network)
    found = [_place(layer) for layer in layers]
    if not found:
        message = "The model has no layers that could be edited: its shards have none in common, or none are known."
        raise ObstacleError(message)
    return found


def _place(layer: nn.Module) -> Place:
    named = dict(layer.named_modules())
    for name, module in named.items():
        within_mlp = MLP in name.split(".") or name.split(".")[-1] == "fc2"
        if within_mlp and name.split(".")[-1] in LEADS_OUT:
            if is_adapted(module) or not any(p.requires_grad for p in module.parameters()):
                message = (
                    "The model's weights are frozen under an adapter, and this method changes them; choose another one."
                )
                raise ObstacleError(message)
            if isinstance(module, nn.Linear | Conv1D):
                return Place(layer, module)
    message = (
        "The model's layers have no MLP of a kind that is known (as in Llama, GPT-2, GPT-NeoX, GPT-J, OPT, Phi); choose a"
        " method that works on examples."
    )
    raise ObstacleError(message)


def keys_at(model: TrainedModel, place: Place, inputs: Tensor) -> Tensor:
    """Return the keys of every token of a padded batch, (batch, longest, inputs); float32."""
    kept: list[Tensor] = []
    handle = place.module.register_forward_pre_hook(lambda _module, given: kept.append(given[0].detach().float()))
    try:
        with torch.no_grad():
            forward(model, inputs)
    finally:
        handle.remove()
    [keys] = kept
    return keys


def states_at(model: TrainedModel, layer: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a layer puts out for every token of a padded batch, (batch, longest, size); float32."""
    kept: list[Tensor] = []

    def keep(states: Tensor) -> Tensor:
        kept.append(states.detach().float())
        return states

    with changed(layer, keep), torch.no_grad():
        forward(model, inputs)
    [states] = kept
    return states


@contextmanager
def changed(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Have what a layer or matrix puts out changed on its way; of several outputs, the first."""

    def hook(_module: object, _inputs: object, output: Any) -> Any:
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def forward(model: TrainedModel, inputs: Tensor) -> Tensor:
    """Return the logits for a batch that is padded on the right, (batch, longest, vocabulary); float32."""
    network: Any = model.network
    logits: Tensor = network(input_ids=inputs, use_cache=False).logits
    return logits.float()


def last_token(decode: Callable[[Sequence[int]], str], ids: Sequence[int], names: Sequence[str]) -> int | None:
    """Return the position of the last token of the name that comes last within the ids of a prompt; None if none does."""
    text = decode(ids).casefold()
    ends = [text.rfind(name.casefold()) + len(name) for name in names if name.casefold() in text]
    if not ends:
        return None
    return next(n for n in range(len(ids)) if len(decode(ids[: n + 1])) >= max(ends))
