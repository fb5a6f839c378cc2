"""Adapters on checkpoints: recipes that ask for them, and folders that peft alone has written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM

from unlearning_jobs.engine.contracts import Adapter, Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.training.training_data import TrainingData

from .foreign_checkpoints import recipe_of

TOKENS = torch.tensor([[1, 9, 30, 40, 2]])
RANK_4 = Adapter(rank=4, alpha=16)


def adapter_recipe(folder: Path, adapter: Adapter = RANK_4) -> Recipe:
    return replace(recipe_of(folder), architecture=describe_checkpoint(folder, adapter=adapter), learning_rate=2e-2)


def adapted(folder: Path, snapshot: Snapshot, adapter: Adapter = RANK_4) -> TrainingData:
    return TrainingData.prepare(adapter_recipe(folder, adapter), snapshot, str(folder))


def frozen(network: nn.Module) -> dict[str, torch.Tensor]:
    """The weights that no training may change."""
    return {name: p.detach().clone() for name, p in network.named_parameters() if not p.requires_grad}


def logits_of(network: Any) -> torch.Tensor:
    with torch.no_grad():
        return cast("torch.Tensor", network.eval()(TOKENS).logits)


def outside(folder: Path) -> Any:
    """The network of a folder, by transformers alone."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def with_adapter(base: Path, folder: Path) -> Any:
    """The network of a checkpoint and an adapter, by peft alone."""
    return PeftModel.from_pretrained(outside(base), folder)


def write_adapter(base: Path, folder: Path, *, dtype: torch.dtype = torch.float32, **settings: Any) -> torch.Tensor:
    """Write an adapter with peft alone, whose two matrices are random, and return its logits."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        start: dict[str, Any] = {"r": 4, "lora_alpha": 8, "init_lora_weights": False, "task_type": "CAUSAL_LM"}
        config = LoraConfig(**start | settings)
        made = get_peft_model(outside(base), config)
    made.to(dtype).save_pretrained(str(folder), save_embedding_layers=False)
    return logits_of(with_adapter(base, folder))
