"""A trained model, and the folder that it is saved in."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn

from compliance.formats.canonical import canonical_json, sha256_hex
from unlearning_jobs.engine.artefacts import ABOUT, model_about, model_digest
from unlearning_jobs.engine.contracts import ModelRef
from unlearning_jobs.engine.contracts.privacy import PrivacyLoss
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import FAMILIES, Family, family_class
from unlearning_jobs.engine.families.aggregation import ShardEnsemble
from unlearning_jobs.engine.families.weights import copied

WEIGHTS: Final = "model.safetensors"
METADATA: Final = {"format": "pt"}
MOST_NAMED: Final = 5
"""How many tensors an error names."""


@dataclass(frozen=True)
class TrainedModel:
    """A network with its family. Unlearning methods make a new network and keep the family."""

    network: nn.Module
    family: Family
    privacy: PrivacyLoss | None = None
    """The privacy that training cost; None unless private training alone has ever changed the weights."""

    @property
    def device(self) -> torch.device:
        """The device that holds the network."""
        return next(chain(self.network.parameters(), self.network.buffers())).device

    def copy_to(self, device: torch.device) -> TrainedModel:
        """Return a copy with a network of its own, on the device. It is there to be changed, so it has no privacy loss.

        Weights that are frozen are not copied: both networks have the same ones.
        """
        place = torch.empty(0, device=device).device  # with its number, if there are several of the kind
        return TrainedModel(to_device(copied(self.network, place), device), self.family)


def to_device(network: nn.Module, device: torch.device) -> nn.Module:
    """Move the network to the device and return it. (A decorator hides the signature of `to` in transformers.)"""
    return nn.Module.to(network, device)


def save_model(model: TrainedModel, folder: Path, about: Mapping[str, Any], *, whole: bool = True) -> None:
    """Write the weights, the family's files, and `lethe.json`, which says what the model came from, into a new folder.

    Unless it is to be whole, weights that follow from a checkpoint and an adapter are left out: every model has them anew.
    """
    folder.mkdir(parents=True)
    if whole or not model.family.adapts:
        save_file(saved_weights(model), folder / WEIGHTS, metadata=METADATA)
    described = {**about, **model.family.save(model.network, folder), "family": model.family.name}
    if isinstance(model.network, ShardEnsemble):
        described["ensemble"] = {"networks": len(model.network.shards), "aggregation": model.network.aggregation}
    if model.privacy is not None:
        described["privacy"] = model.privacy.to_json()
    (folder / ABOUT).write_bytes(canonical_json(described))


def saved_weights(model: TrainedModel) -> dict[str, Tensor]:
    """Return the tensors that are saved, by name."""
    return {name: t.detach().cpu().contiguous() for name, t in model.family.weights(model.network).items()}


def weights_digest(model: TrainedModel) -> str:
    """Return the SHA-256 of the file of weights that `save_model` writes."""
    return sha256_hex(save(saved_weights(model), metadata=METADATA))


def load_model(ref: ModelRef, base: str = "") -> TrainedModel:
    """Check the folder's digest and return the model in it. If it started from a checkpoint, that is in the folder `base`.

    Raises:
        SpecError: the model is missing or incomplete, or is not the one that the reference names.
    """
    folder = Path(ref.path)
    if model_digest(folder) != ref.digest:
        message = f"The model in {folder.name} is not the one that was named: its digest differs."
        raise SpecError(message)
    return read_model(folder, Path(base) if base else None)


def read_model(folder: Path, base: Path | None = None) -> TrainedModel:
    """Return the model in the folder, on the CPU, without checking its digest. An adapter needs its checkpoint, `base`.

    Raises:
        SpecError: the model cannot be read; the message says what is wrong with it.
    """
    about = model_about(folder)
    if about.get("family") not in FAMILIES:
        message = f"The model in {folder.name} was not made by a recipe: it has no lethe.json that names its family."
        raise SpecError(message)
    # 1. The family, and a network without its weights.
    try:
        made_by = family_class(about["family"])
        family, network = made_by.read_on(folder, about, base) if base else made_by.read(folder, about)
        if (ensemble := about.get("ensemble")) and not isinstance(network, ShardEnsemble):
            shards = [copy.deepcopy(network) for _ in range(ensemble["networks"])]
            network = ShardEnsemble(shards, ensemble["aggregation"])
        privacy = PrivacyLoss.from_json(about["privacy"]) if "privacy" in about else None
    except SpecError:
        raise
    except Exception as error:  # noqa: BLE001  # several libraries read here, each with its own errors
        raise _unreadable(folder, f"its description is incomplete or damaged ({type(error).__name__})") from None
    # 2. The weights.
    try:
        if family.adapts:
            _check_weights(folder, family, network)
        else:
            _load_weights(folder, family, network)
    except (OSError, SafetensorError) as error:
        raise _unreadable(folder, f"{WEIGHTS} is missing or damaged ({type(error).__name__})") from None
    return TrainedModel(network.train(mode=False), family, privacy)


def _load_weights(folder: Path, family: Family, network: nn.Module) -> None:
    """Give the network the weights in the folder: all that are saved, no others, each of the right shape."""
    weights = load_file(folder / WEIGHTS)
    shapes, expected = _shapes(weights), _shapes(family.weights(network))
    if wrong := sorted({name for name, _shape in shapes ^ expected}):
        named = ", ".join(wrong[:MOST_NAMED])
        raise _unreadable(folder, f"{len(wrong)} tensors are missing, of no use or of another shape ({named})")
    network.load_state_dict(weights, strict=False)


def _check_weights(folder: Path, family: Family, network: nn.Module) -> None:
    """Check that the weights in the folder, if they were not left out, are those of its adapter on its checkpoint."""
    if (folder / WEIGHTS).exists() and not family.holds(network, folder / WEIGHTS):
        raise _unreadable(folder, f"{WEIGHTS} is not its checkpoint with its adapter merged in")


def _shapes(weights: Mapping[str, Tensor]) -> set[tuple[str, torch.Size]]:
    return {(name, tensor.shape) for name, tensor in weights.items()}


def _unreadable(folder: Path, why: str) -> SpecError:
    return SpecError(f"The model in {folder.name} cannot be read: {why}. Restore its folder, or register the model again.")
