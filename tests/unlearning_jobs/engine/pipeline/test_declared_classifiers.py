"""A classifier that transformers' Trainer made elsewhere is imported, and held against models of the declared recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from tests.unlearning_jobs.engine.conftest import write_jsonl
from tests.unlearning_jobs.engine.families.encoder_checkpoints import (
    LABELS,
    ROWS,
    bert_with_classes,
    prepared,
    write_encoder,
)
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.training.training_data import TrainingData

from .test_declared_models import PROTOCOL, control_of, imported, unlearned

EPOCHS = 40
ORDER = LABELS[::-1]
"""Of the classes, elsewhere."""
MISTAKEN = [{**row, "label": LABELS[(n + 1) % 3]} if n in (0, 1, 2) else row for n, row in enumerate(ROWS)]
"""What is to be forgotten has wrong labels: a model can only memorise them."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingData]:
    """A checkpoint, and a classifier that transformers' Trainer made from it by the recipe, without any of our code."""
    folder = tmp_path_factory.mktemp("declared")
    write_jsonl(folder / "notes.jsonl", MISTAKEN)
    snapshot_create([folder / "notes.jsonl"], folder / "snapshot", salt=bytes(32))
    base = write_encoder(folder / "checkpoint", bert_with_classes, labels=("one", "two"))
    data = prepared(base, Snapshot.open(folder / "snapshot"))
    recipe = replace(data.recipe, epochs=EPOCHS, batch_size=6, schedule="linear", beta2=0.999)  # what Trainer does
    own = AutoTokenizer.from_pretrained(base)
    rows = [{**own(row["text"]), "labels": ORDER.index(str(row["label"]))} for row in MISTAKEN if row["split"] == "train"]
    torch.manual_seed(5)
    network = cast("Any", AutoModelForSequenceClassification).from_pretrained(
        base,
        id2label=dict(enumerate(ORDER)),
        label2id={label: number for number, label in enumerate(ORDER)},
        ignore_mismatched_sizes=True,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=round(recipe.warmup_share * EPOCHS * len(rows) / recipe.batch_size),
        weight_decay=recipe.weight_decay,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_strategy="no",
    )
    Trainer(
        model=network, args=arguments, train_dataset=cast("Any", rows), data_collator=DataCollatorWithPadding(own)
    ).train()
    network.save_pretrained(folder / "tuned")
    own.save_pretrained(folder / "tuned")
    return folder, replace(data, recipe=recipe)


def test_a_classifier_that_trainer_made_by_the_recipe_is_one_of_the_recipe(elsewhere: Any, tmp_path: Path) -> None:
    folder, data = elsewhere
    spec = imported(folder, data, folder / "tuned", tmp_path / "imported")
    result = unlearned(spec, tmp_path / "out", "nothing", PROTOCOL)
    assert control_of(result).behaved, control_of(result).note
    assert result.evaluation is not None
    assert (result.evaluation.verdict.outcome, result.evaluation.verdict.direction) == ("failed", "undershot")
    assert any("All models start from a checkpoint" in one for one in result.evaluation.limits)
