"""Classifiers of texts from checkpoints that somebody else made, with transformers alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.contracts import Adapter, CheckpointArchitecture, Recipe
from unlearning_jobs.engine.contracts.families import family_from
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CheckpointError, CorpusError, SpecError
from unlearning_jobs.engine.families import footprint
from unlearning_jobs.engine.families.bases import describe_base
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.families.finetuned_classifier import FinetunedClassifierFamily
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.training_data import TrainingData

from .encoder_checkpoints import (
    CPU,
    END,
    FILL,
    KINDS,
    LABELS,
    bert_with_hidden_words,
    fnet,
    prepared,
    recipe_of,
    roberta,
    said,
    said_outside,
    snapshot,
    trained,
    write_encoder,
)
from .foreign_checkpoints import write_checkpoint
from .test_checkpoints import config_of

__all__ = ["snapshot"]
"""A fixture."""
HEAD = ("classifier.weight", "classifier.bias")


def note(text: str, label: str = "lamps") -> Example:
    return Example("e00000000", "train", text, label)


def family_of(data: TrainingData) -> FinetunedClassifierFamily:
    return cast("FinetunedClassifierFamily", data.family)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_an_encoder_becomes_a_classifier_in_a_folder_that_transformers_reads_alone(
    tmp_path: Path, snapshot: Snapshot, kind: Callable[[int], nn.Module]
) -> None:
    data = prepared(write_encoder(tmp_path / "checkpoint", kind), snapshot)
    model = trained(replace(data, recipe=replace(data.recipe, epochs=1)))
    save_model(model, tmp_path / "model", {})
    examples = list(snapshot.examples("train"))
    assert len({len(ids) for ids in family_of(data).encode(examples).ids}) > 1, "texts that differ in length"
    ours, theirs = said(model, examples), said_outside(tmp_path / "model", [one.prompt for one in examples])
    assert torch.allclose(ours, theirs, atol=1e-5)
    config = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").config
    assert config.id2label == dict(enumerate(LABELS))
    assert config.label2id == {label: number for number, label in enumerate(LABELS)}
    assert torch.equal(said(read_model(tmp_path / "model", tmp_path / "checkpoint"), examples), ours)
    size = sum(p.numel() for p in model.network.parameters())
    assert data.footprint.parameters == size == sum(p.numel() for p in data.family.skeleton().parameters())
    assert len(data.family.hidden_layers(model.network)) == 2
    batch = data.data.batch(range(4), CPU)
    tokens = sum(len(ids) for ids in cast("Any", data.data).ids[:4])
    assert data.family.hidden_states(model.network, batch, 1).shape == (tokens, 16)


def test_it_learns_what_the_texts_say(tmp_path: Path, snapshot: Snapshot) -> None:
    data = prepared(write_encoder(tmp_path / "checkpoint"), snapshot)
    model = trained(data)
    right = [bool(one.correct) for one in score(model, data.family.encode(snapshot.examples("held_out")))]
    assert sum(right) > 9


# How texts are read.


def test_a_text_is_read_with_the_control_tokens_of_the_checkpoint_and_spells_none(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    family = family_of(prepared(write_encoder(tmp_path / "checkpoint"), snapshot))
    own = AutoTokenizer.from_pretrained(tmp_path / "checkpoint")
    assert list(family.encode([note("Light the lamp.")]).ids[0]) == own("Light the lamp.")["input_ids"]
    [ids] = family.encode([note(f"{END} and {FILL}")]).ids
    assert (ids[0], ids[-1]) == (1, 2)
    assert not {0, 1, 2} & set(ids[1:-1])
    assert own.decode(list(ids[1:-1])) == f"{END} and {FILL}"


def test_a_long_text_is_refused_and_not_cut_and_so_is_a_text_of_no_known_class(tmp_path: Path, snapshot: Snapshot) -> None:
    family = family_of(prepared(write_encoder(tmp_path / "checkpoint"), snapshot, max_length=12))
    assert family.encode([note("\x00" * 10)]).lengths == [12]
    with pytest.raises(CorpusError, match="e00000000 has 13 tokens and the recipe reads at most 12"):
        family.encode([note("\x00" * 11)])
    for text, label in (("", "lamps"), ("A text.", ""), ("A text.", "sails")):
        with pytest.raises(CorpusError, match="has no text, or a label that the model does not know"):
            family.encode([note(text, label)])


def test_positions_that_an_encoder_keeps_for_what_fills_batches_up_are_none_of_a_text(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    folder = write_encoder(tmp_path / "checkpoint", roberta)
    assert describe_base(folder).max_length == 63
    with pytest.raises(SpecError, match="reads 64 tokens, and the checkpoint 63; lower max_length"):
        prepared(folder, snapshot, max_length=64)
    family = prepared(folder, snapshot).family
    [longest] = said(TrainedModel(family.build(1), family), [note("\x00" * 61)])
    assert bool(torch.isfinite(longest).all())


def test_a_network_that_texts_beside_a_text_would_change_is_refused(tmp_path: Path, snapshot: Snapshot) -> None:
    family = prepared(write_encoder(tmp_path / "checkpoint", fnet), snapshot).family
    with pytest.raises(CheckpointError, match="depends on the texts beside it, which fill up its batch"):
        family.build(1)


# What is no such checkpoint or corpus.


def test_language_models_and_encoders_are_told_apart(tmp_path: Path, snapshot: Snapshot) -> None:
    encoder, writer = write_encoder(tmp_path / "encoder", bert_with_hidden_words), write_checkpoint(tmp_path / "writer")
    assert family_from(describe_base(encoder)) == "finetuned_classifier"
    assert family_from(describe_base(writer)) == "finetuned_lm"
    with pytest.raises(CheckpointError, match=r"no language model .* a recipe of the family finetuned_classifier"):
        describe_checkpoint(encoder)
    named = describe_base(encoder)
    shape = CheckpointArchitecture(
        named.base_sha256, named.parameters, named.hidden_size, named.layers, named.vocabulary_size, template="{prompt}"
    )
    with pytest.raises(SpecError, match="no language model"):
        TrainingData.prepare(Recipe("finetuned_lm", shape, 1, 1, 1e-3), snapshot, str(encoder))
    own = replace(recipe_of(encoder), architecture=replace(recipe_of(encoder).architecture, **of(writer)))
    with pytest.raises(CheckpointError, match="no classifier of texts starts from a llama"):
        TrainingData.prepare(own, snapshot, str(writer))


def of(folder: Path) -> dict[str, Any]:
    return {"base_sha256": checkpoint_digest(folder)}


def test_an_encoder_that_is_set_up_to_write_texts_is_a_language_model(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "checkpoint", bert_with_hidden_words)
    config_of(folder, is_decoder=True)
    own = AutoTokenizer.from_pretrained(folder)
    own.eos_token = END
    own.save_pretrained(folder)
    assert family_from(describe_base(folder)) == "finetuned_lm"


def test_what_is_asked_for_language_models_alone_is_refused(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "checkpoint")
    with pytest.raises(SpecError, match="leave the template out"):
        describe_base(folder, template="{prompt}")
    with pytest.raises(SpecError, match="adapters are for language models"):
        describe_base(folder, adapter=Adapter(4, 8))


def test_a_corpus_without_labels_is_refused_before_any_work(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "checkpoint")
    (tmp_path / "rows.jsonl").write_text('{"text": "One."}\n{"text": "Two."}\n')
    snapshot_create([tmp_path / "rows.jsonl"], tmp_path / "snapshot", salt=bytes(32))
    plain = Snapshot.open(tmp_path / "snapshot")
    for refused in (lambda: prepared(folder, plain), lambda: footprint(recipe_of(folder), plain.info)):
        with pytest.raises(CorpusError, match="has no labels, and a finetuned_classifier learns them"):
            refused()


def test_it_needs_a_checkpoint_and_is_not_trained_privately(tmp_path: Path, snapshot: Snapshot) -> None:
    recipe = recipe_of(write_encoder(tmp_path / "checkpoint"))
    with pytest.raises(SpecError, match="starts from a checkpoint; name it as the job's base"):
        TrainingData.prepare(recipe, snapshot)
    with pytest.raises(SpecError, match=r"Only a text_classifier or a classifier .* can be trained privately"):
        replace(recipe, privacy=Privacy(4.0))


def test_a_batch_can_be_divided(tmp_path: Path, snapshot: Snapshot) -> None:
    folder = write_encoder(tmp_path / "checkpoint")
    data = TrainingData.prepare(replace(recipe_of(folder), epochs=1, micro_batch=2), snapshot, str(folder))
    assert trained(data)
