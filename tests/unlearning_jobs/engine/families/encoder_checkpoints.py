"""Checkpoints of encoders, written with transformers alone as people have them, and labelled texts to fine-tune them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    FNetConfig,
    FNetForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaModel,
)

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.contracts import EncoderArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.families.bases import describe_base
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

FILL, BEGIN, END = "[PAD]", "[CLS]", "[SEP]"
CPU = torch.device("cpu")
LABELS = ("boats", "lamps", "ropes")
ROWS = [
    {"text": f"{('Row', 'Light', 'Tie')[n % 3]} number {n}{' today' * (n % 4)}.", "label": LABELS[n % 3], "split": split}
    for split, numbers in (("train", range(24)), ("held_out", range(24, 36)))
    for n in numbers
]
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
}


def tokenizer() -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=[FILL, BEGIN, END], initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator((row["text"] for row in ROWS), trainer)
    trained.post_processor = TemplateProcessing(single=f"{BEGIN} $A {END}", special_tokens=[(BEGIN, 1), (END, 2)])
    make = cast("Callable[..., PreTrainedTokenizerFast]", PreTrainedTokenizerFast)
    return make(tokenizer_object=trained, pad_token=FILL, cls_token=BEGIN, sep_token=END)


def settings(size: int, **changes: Any) -> dict[str, Any]:
    return {"vocab_size": size, "pad_token_id": 0, **SMALL, **changes}


def bert(size: int, **changes: Any) -> nn.Module:
    return BertModel(BertConfig(**settings(size, **changes)))


def bert_with_hidden_words(size: int) -> nn.Module:
    return BertForMaskedLM(BertConfig(**settings(size)))


def bert_with_classes(size: int, labels: tuple[str, ...]) -> nn.Module:
    numbers = {label: number for number, label in enumerate(labels)}
    return BertForSequenceClassification(BertConfig(**settings(size, id2label=dict(enumerate(labels)), label2id=numbers)))


def distilbert(size: int) -> nn.Module:
    shape: dict[str, Any] = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 64}
    return DistilBertForMaskedLM(DistilBertConfig(vocab_size=size, pad_token_id=0, initializer_range=0.2, **shape))


def roberta(size: int) -> nn.Module:
    return RobertaModel(RobertaConfig(**settings(size, bos_token_id=1, eos_token_id=2)))


def roberta_with_hidden_words(size: int) -> nn.Module:
    return RobertaForMaskedLM(RobertaConfig(**settings(size, bos_token_id=1, eos_token_id=2)))


def deberta(size: int) -> nn.Module:
    return DebertaV2ForMaskedLM(DebertaV2Config(**settings(size, pooler_hidden_size=16)))


def fnet(size: int) -> nn.Module:
    """A network that mixes all tokens of a batch's rows, whatever fills them up."""
    shape: dict[str, Any] = {name: value for name, value in settings(size).items() if name != "num_attention_heads"}
    return FNetForMaskedLM(FNetConfig(**shape))


def modernbert(size: int) -> nn.Module:
    control = {"bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    return ModernBertForMaskedLM(ModernBertConfig(**settings(size, **control)))


KINDS: dict[str, Callable[[int], nn.Module]] = {
    "bert": bert,
    "bert that finds hidden words": bert_with_hidden_words,
    "distilbert": distilbert,
    "roberta": roberta,
    "roberta that finds hidden words": roberta_with_hidden_words,
    "deberta": deberta,
    "modernbert": modernbert,
}


def write_encoder(folder: Path, kind: Callable[..., nn.Module] = bert, *, shard: str = "5GB", **changes: Any) -> Path:
    """Write a checkpoint with transformers alone, as its users do."""
    own = tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        cast("Any", kind(len(own), **changes)).save_pretrained(folder, max_shard_size=shard)
    own.save_pretrained(folder)
    return folder


def classifier_elsewhere(base: Path, folder: Path, labels: tuple[str, ...] = LABELS, **config: Any) -> Path:
    """Write a classifier that somebody else made from a checkpoint, with transformers alone."""
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = cast("Any", AutoModelForSequenceClassification).from_pretrained(base, **names)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape))
    network.config.update({"problem_type": "single_label_classification", **config})
    network.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def write_notes(folder: Path) -> Snapshot:
    write_jsonl(folder / "notes.jsonl", ROWS)
    snapshot_create([folder / "notes.jsonl"], folder / "snapshot", salt=bytes(32))
    return Snapshot.open(folder / "snapshot")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return write_notes(tmp_path)


def recipe_of(folder: Path, **changes: Any) -> Recipe:
    described = describe_base(folder)
    assert isinstance(described, EncoderArchitecture)
    return Recipe(
        family="finetuned_classifier",
        architecture=replace(described, **changes),
        epochs=8,
        batch_size=4,
        learning_rate=1e-2,
    )


def prepared(folder: Path, snapshot: Snapshot, **changes: Any) -> TrainingData:
    return TrainingData.prepare(recipe_of(folder, **changes), snapshot, str(folder))


def trained(data: TrainingData) -> TrainedModel:
    return train(data, (), 1, device=CPU, on_step=lambda *_: None)


def said(model: TrainedModel, examples: list[Example]) -> torch.Tensor:
    with torch.no_grad():
        batch = model.family.encode(examples).batch(range(len(examples)), CPU)
        return model.family.predict(model.network.eval(), batch).logits


def said_outside(folder: Path, texts: list[str]) -> torch.Tensor:
    """Return what transformers alone makes of a folder, text by text and so without padding."""
    network = AutoModelForSequenceClassification.from_pretrained(folder)
    own = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return torch.cat([network(**own(text, return_tensors="pt")).logits for text in texts])
