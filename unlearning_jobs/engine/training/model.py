"""The model, and the folder it is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import ModelRef, Recipe
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.json_contract import canonical_json

from .tokens import END_ID


@dataclass(frozen=True)
class TrainedModel:
    """A model with its tokenizer. Unlearning methods take and return the `network`; the rest stays as it is."""

    network: LlamaForCausalLM
    tokenizer: Tokenizer
    max_length: int


def build_network(recipe: Recipe, vocabulary_size: int, seed: int) -> LlamaForCausalLM:
    """A freshly initialised Llama-architecture network with tied embeddings, on the CPU. The seed decides every weight."""
    a = recipe.architecture
    if a.hidden_size % a.heads or (a.hidden_size // a.heads) % 2:
        message = f"hidden_size {a.hidden_size} must split into {a.heads} heads of an even size."
        raise SpecError(message)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=a.hidden_size,
        num_hidden_layers=a.layers,
        num_attention_heads=a.heads,
        num_key_value_heads=a.heads,
        intermediate_size=a.intermediate_size,
        max_position_embeddings=a.max_length,
        tie_word_embeddings=True,
        bos_token_id=END_ID,
        eos_token_id=END_ID,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def place(network: LlamaForCausalLM, device: torch.device) -> LlamaForCausalLM:
    """Move the network to the device and return it; transformers' own `to` has lost its signature to a decorator."""
    nn.Module.to(network, device)
    return network


def save_model(model: TrainedModel, folder: Path, about: Mapping[str, Any]) -> None:
    """Write safetensors, configuration, tokenizer and `lethe.json` with what the model came from, into a new folder."""
    folder.mkdir(parents=True)
    weights = {
        name: t.detach().cpu().contiguous() for name, t in model.network.state_dict().items() if name != "lm_head.weight"
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {**model.network.config.to_diff_dict(), "architectures": ["LlamaForCausalLM"], "torch_dtype": "float32"}
    (folder / "config.json").write_bytes(canonical_json(config))
    (folder / "tokenizer.json").write_text(model.tokenizer.to_str(), encoding="utf-8")
    (folder / "lethe.json").write_bytes(canonical_json({**about, "max_length": model.max_length}))


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
        network = LlamaForCausalLM(LlamaConfig.from_dict(json.loads((folder / "config.json").read_bytes())))
        missing, unexpected = network.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        max_length = int(json.loads((folder / "lethe.json").read_bytes())["max_length"])
    except Exception:  # noqa: BLE001  # three libraries read here, each with errors of its own
        missing, unexpected = ["everything"], []
    if unexpected or set(missing) - {"lm_head.weight"}:
        message = f"The model in {folder.name} cannot be read; register it again."
        raise SpecError(message)
    return TrainedModel(network.train(mode=False), tokenizer, max_length)
