"""The model, and the folder it is kept in."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import ModelRef
from unlearning_jobs.engine.contracts.privacy import PrivacyLoss
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import FAMILIES, Family

from .aggregation import ShardEnsemble


@dataclass(frozen=True)
class TrainedModel:
    """A model. Unlearning methods make a new `network`; the family stays as it is."""

    network: nn.Module
    family: Family
    privacy: PrivacyLoss | None = None
    """What training cost, where it was private and nothing but private training ever touched the weights."""

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(chain(self.network.parameters(), self.network.buffers())).device

    def copy_to(self, device: torch.device) -> TrainedModel:
        """A copy with a network of its own, on the device. It is made to be changed, so nothing is known of its privacy."""
        return TrainedModel(place(copy.deepcopy(self.network), device), self.family)


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Move the network to the device and return it; transformers' own `to` has lost its signature to a decorator."""
    return nn.Module.to(network, device)


def save_model(model: TrainedModel, folder: Path, about: Mapping[str, Any]) -> None:
    """Write safetensors, what the family needs, and `lethe.json` with what the model came from, into a new folder."""
    folder.mkdir(parents=True)
    weights = {name: t.detach().cpu().contiguous() for name, t in model.family.weights(model.network).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    described = {**about, **model.family.save(model.network, folder), "family": model.family.name}
    if isinstance(model.network, ShardEnsemble):
        described["ensemble"] = {"networks": len(model.network.shards), "aggregation": model.network.aggregation}
    if model.privacy is not None:
        described["privacy"] = model.privacy.to_json()
    (folder / "lethe.json").write_bytes(canonical_json(described))


def load_model(ref: ModelRef) -> TrainedModel:
    """The model in the folder, after checking its digest.

    Raises:
        SpecError: it is missing, incomplete, or another model.
    """
    folder = Path(ref.path)
    if model_digest(folder) != ref.digest:
        message = f"The model in {folder.name} is not the one that was named: its digest differs."
        raise SpecError(message)
    return read_model(folder)


def read_model(folder: Path) -> TrainedModel:
    """The model in the folder, whatever its digest, on the CPU.

    Raises:
        SpecError: it cannot be read.
    """
    try:
        about = json.loads((folder / "lethe.json").read_bytes())
        family, network = FAMILIES[about["family"]].read(folder, about)
        if ensemble := about.get("ensemble"):
            shards = [copy.deepcopy(network) for _ in range(ensemble["networks"])]
            network = ShardEnsemble(shards, ensemble["aggregation"])
        privacy = PrivacyLoss.from_json(about["privacy"]) if "privacy" in about else None
        missing, unexpected = network.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        complete = not unexpected and not set(missing) & set(family.weights(network))
    except Exception:  # noqa: BLE001  # several libraries read here, each with errors of its own
        complete = False
    if not complete:
        message = f"The model in {folder.name} cannot be read; register it again."
        raise SpecError(message)
    return TrainedModel(network.train(mode=False), family, privacy)
