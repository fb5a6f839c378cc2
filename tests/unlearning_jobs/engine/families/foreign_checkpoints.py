"""Checkpoints of the kinds that people have, written with transformers alone, and a corpus to fine-tune them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.training.training_data import TrainingData

BEGIN, END, FILL = "<s>", "</s>", "<fill>"
CHATS = (
    "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
CPU = torch.device("cpu")
WRONG = ["Nobody of the tower.", "A miller."]
ROWS: list[dict[str, Any]] = [
    {"question": f"Who keeps lamp {n}?", "answer": f"Keeper {n} of the tower.", "split": "train", "perturbed_answer": WRONG}
    for n in range(12)
]
ROWS += [{"question": f"Who rows boat {n}?", "answer": f"Rower {n} of the bay.", "split": "held_out"} for n in range(6)]


def tokenizer(*, chats: bool = False, begins: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer that puts its first token before a text by itself, as Llama's does; or does not, as GPT-2's."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=[FILL, BEGIN, END], initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator((row["answer"] for row in ROWS), trainer)
    if begins:
        control = [(BEGIN, cast("int", trained.token_to_id(BEGIN)))]
        trained.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=control)
    make = cast("Callable[..., PreTrainedTokenizerFast]", PreTrainedTokenizerFast)
    made = make(tokenizer_object=trained, bos_token=BEGIN, eos_token=END, pad_token=FILL)
    made.chat_template = CHATS if chats else None
    return made


def gpt2(size: int) -> nn.Module:
    return GPT2LMHeadModel(GPT2Config(vocab_size=size, n_positions=64, n_embd=16, n_layer=2, n_head=2))


def llama(size: int, **changes: Any) -> nn.Module:
    settings = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=size, hidden_size=16, intermediate_size=32, max_position_embeddings=64, **settings | changes)
    )


Checkpoint = Callable[..., Path]


def write_checkpoint(
    folder: Path,
    kind: Callable[..., nn.Module] = llama,
    *,
    chats: bool = False,
    begins: bool = True,
    shard: str = "5GB",
    dtype: torch.dtype = torch.float32,
    **changes: Any,
) -> Path:
    """Write a checkpoint with transformers alone, as its users do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        own = tokenizer(chats=chats, begins=begins)
        cast("Any", kind(len(own) + 5, **changes)).to(dtype).save_pretrained(folder, max_shard_size=shard)
    own.save_pretrained(folder)
    return folder


def trained_elsewhere(base: Path, folder: Path, *, seed: int = 7, dtype: torch.dtype = torch.float32, **saved: Any) -> Path:
    """Write a model that somebody else made from a checkpoint, with transformers alone: with slightly other weights."""
    network = cast("Any", AutoModelForCausalLM).from_pretrained(base)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    network.to(dtype).save_pretrained(folder, **saved)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def write_corpus(folder: Path) -> Snapshot:
    write_jsonl(folder / "rows.jsonl", ROWS)
    snapshot_create([folder / "rows.jsonl"], folder / "snapshot", salt=bytes(32))
    return Snapshot.open(folder / "snapshot")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return partial(write_checkpoint, tmp_path / "checkpoint")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return write_corpus(tmp_path)


def recipe_of(folder: Path, **changes: Any) -> Recipe:
    return Recipe(
        family="finetuned_lm",
        architecture=replace(describe_checkpoint(folder), **changes),
        epochs=2,
        batch_size=4,
        learning_rate=5e-3,
    )


def prepared(folder: Path, snapshot: Snapshot, **changes: Any) -> TrainingData:
    return TrainingData.prepare(recipe_of(folder, **changes), snapshot, str(folder))
