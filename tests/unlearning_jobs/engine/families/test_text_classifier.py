"""Classifiers of texts: from rows of text and label to a folder that transformers reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.contracts import BertArchitecture, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError, SpecError
from unlearning_jobs.engine.families import footprint
from unlearning_jobs.engine.families.labelled_texts import LabelledTexts
from unlearning_jobs.engine.families.text_classifier import PADDING, PADDING_ID, TextClassifierFamily
from unlearning_jobs.engine.families.tokens import END, END_ID
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

CPU = torch.device("cpu")
RECIPE = Recipe("text_classifier", BertArchitecture(16, 1, 2, 32, max_length=40), 1, 4, 1e-3, vocabulary_size=280)
ROWS: Sequence[Mapping[str, Any]] = [
    {"text": "May I renew the atlas?", "label": "loans"},
    {"text": "The printer is stuck.", "label": "computers"},
    {"text": "I lost a glove.", "label": "lost property"},
    {"text": "Could I borrow a novel, please?", "label": "loans"},
    {"text": "Nobody can log in.", "label": "computers", "split": "held_out"},
    {"text": "Is there a choir?", "label": "events", "split": "held_out"},
]


def registered(folder: Path, rows: Sequence[Mapping[str, Any]] = ROWS) -> Snapshot:
    source = write_jsonl(folder / "notes.jsonl", rows)
    return Snapshot.open(snapshot_create([source], folder / "snapshot").path)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return registered(tmp_path)


@pytest.fixture
def family(snapshot: Snapshot) -> TextClassifierFamily:
    return TextClassifierFamily.create(RECIPE, snapshot)


def note(text: str, label: str = "loans") -> Example:
    return Example("e00000000", "train", text, label)


def logits(family: TextClassifierFamily, network: nn.Module, data: LabelledTexts) -> torch.Tensor:
    with torch.no_grad():
        return family.predict(network, data.batch(range(len(data)), CPU)).logits


def test_a_text_lies_between_two_ends_and_its_label_is_a_place_in_the_sorted_list(
    snapshot: Snapshot, family: TextClassifierFamily
) -> None:
    data = family.encode(snapshot.examples("train"))
    assert snapshot.info.labels == ("computers", "events", "loans", "lost property")
    assert data.labels.tolist() == [2, 0, 3, 2]
    for ids, row in zip(data.ids, ROWS, strict=False):
        assert (ids[0], ids[-1]) == (END_ID, END_ID)
        assert family.tokenizer.decode(list(ids[1:-1])) == row["text"]


def test_every_example_has_one_answer(snapshot: Snapshot, family: TextClassifierFamily) -> None:
    data = family.encode(snapshot.examples())
    predictions = family.predict(family.build(1), data.batch([5, 0, 2], CPU))
    assert predictions.logits.shape == (3, 4)
    assert (predictions.labels.tolist(), predictions.example_index.tolist()) == ([1, 2, 3], [0, 1, 2])
    first, other = snapshot.get(["e00000000", "e00000001"])
    assert (family.length(first), family.likeness(first, first), family.likeness(first, other)) == (1, 1.0, 0.0)


def test_padding_says_nothing(snapshot: Snapshot, family: TextClassifierFamily) -> None:
    network, data = family.build(1).eval(), family.encode(snapshot.examples())
    together = logits(family, network, data)
    alone = torch.cat([logits(family, network, data.subset([place])) for place in range(len(data))])
    assert PADDING_ID in data.batch([0, 1], CPU).inputs
    assert torch.allclose(together, alone, atol=1e-5)


def test_an_epoch_takes_every_text_once_and_a_sweep_goes_by_length(snapshot: Snapshot, family: TextClassifierFamily) -> None:
    data = family.encode(snapshot.examples())
    epochs = [data.epoch(4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2, 3)]
    assert all(sorted(i for batch in epoch for i in batch) == list(range(6)) for epoch in epochs)
    assert epochs[0] == epochs[1]
    assert len({str(epoch) for epoch in epochs}) > 1
    assert [data.lengths[i] for batch in data.sweep(4) for i in batch] == sorted(data.lengths)


def test_the_seed_decides_every_weight_and_training_repeats_bit_for_bit(snapshot: Snapshot) -> None:
    training_data = TrainingData.prepare(replace(RECIPE, epochs=3), snapshot)

    def weights(seed: int) -> torch.Tensor:
        network = train(training_data, (), seed, device=CPU, on_step=lambda *_: None).network
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    first, again, other = weights(1), weights(1), weights(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_answers_in_training_as_in_evaluation(snapshot: Snapshot, family: TextClassifierFamily) -> None:
    network, data = family.build(1), family.encode(snapshot.examples())
    assert torch.equal(logits(family, network.train(), data), logits(family, network.eval(), data))


def test_notes_are_learned_and_unseen_ones_understood(note_trainer: Trainer, note_model: TrainedModel) -> None:
    training_data = note_trainer.training_data

    def accuracy(name: str) -> float:
        scores = score(note_model, note_model.family.encode(training_data.snapshot.examples(name)))
        return float(np.mean([float(one.correct) for one in scores]))

    assert accuracy("train") > 0.8
    assert accuracy("held_out") > 0.6  # one in six by chance


def test_its_size_is_known_before_it_exists(snapshot: Snapshot) -> None:
    for layers, vocabulary_size in ((1, 280), (3, 270), (2, 0)):
        recipe = replace(RECIPE, architecture=BertArchitecture(16, layers, 4, 24, 30), vocabulary_size=vocabulary_size)
        built = TextClassifierFamily.create(recipe, snapshot).build(0)
        assert footprint(recipe, snapshot.info).parameters == sum(p.numel() for p in built.parameters())
    assert footprint(replace(RECIPE, batch_size=8), snapshot.info).activations == (
        2 * footprint(RECIPE, snapshot.info).activations
    )


# The folder.


def test_transformers_reads_the_folder_as_it_is_and_answers_alike(
    note_trainer: Trainer, note_model: TrainedModel, tmp_path: Path
) -> None:
    save_model(note_model, tmp_path / "model", {})
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    examples = list(note_trainer.training_data.snapshot.examples("held_out"))[:9]
    read = tokenizer([e.prompt for e in examples], padding=True, return_tensors="pt")
    with torch.no_grad():
        said = theirs(input_ids=read["input_ids"], attention_mask=read["attention_mask"]).logits
    assert isinstance(note_model.family, TextClassifierFamily)
    data = note_model.family.encode(examples)
    assert torch.equal(read["input_ids"], data.batch(range(9), CPU).inputs)
    assert torch.allclose(said, logits(note_model.family, note_model.network, data), atol=1e-5)
    labels = note_trainer.training_data.snapshot.info.labels
    assert theirs.config.id2label == dict(enumerate(labels))
    assert theirs.config.label2id == {label: number for number, label in enumerate(labels)}


def test_we_read_it_back(note_trainer: Trainer, note_model: TrainedModel, tmp_path: Path) -> None:
    save_model(note_model, tmp_path / "model", {})
    loaded = read_model(tmp_path / "model")
    examples = list(note_trainer.training_data.snapshot.examples("held_out"))
    assert isinstance(loaded.family, TextClassifierFamily)
    assert isinstance(note_model.family, TextClassifierFamily)
    ours, theirs = (model.family.encode(examples) for model in (note_model, loaded))
    assert ours.ids == theirs.ids  # type: ignore[attr-defined]  # both are LabelledTexts
    assert torch.equal(
        logits(note_model.family, note_model.network, ours),  # type: ignore[arg-type]  # as above
        logits(loaded.family, loaded.network, theirs),  # type: ignore[arg-type]  # as above
    )


def test_shards_that_answer_together_are_ours_alone_to_read(sharded_note_trainer: Trainer, tmp_path: Path) -> None:
    model = sharded_note_trainer.obtain((), 1, lambda *_: None)
    save_model(model, tmp_path / "model", {})
    assert not (tmp_path / "model" / "config.json").exists()
    loaded, data = read_model(tmp_path / "model"), sharded_note_trainer.training_data.data
    first, second = (m.family.predict(m.network, data.batch(range(8), CPU)).logits for m in (model, loaded))
    assert torch.equal(first, second)


# What is in a text.


@pytest.mark.parametrize("text", ["Ünïcode, δοκιμή, 日本語", "🜁🜂🜃", "a\u200bb\x00c", " leading and trailing "])
def test_text_that_the_vocabulary_has_never_met_is_read_byte_by_byte(family: TextClassifierFamily, text: str) -> None:
    data = family.encode([note(text)])
    assert family.tokenizer.decode(list(data.ids[0][1:-1])) == text
    assert bool(torch.isfinite(logits(family, family.build(1), data)).all())


def test_a_text_that_spells_out_a_special_token_is_a_text(family: TextClassifierFamily) -> None:
    [ids] = family.encode([note(f"{PADDING} and {END}")]).ids
    assert not {END_ID, PADDING_ID} & set(ids[1:-1])


def test_no_training_example_shapes_the_vocabulary_and_no_label_does(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rows = [dict(row) for row in ROWS]
    rows[0]["text"] = "Zyzzyva zyzzyva."
    for row in rows:
        row["label"] = f"zyz{row['label']}"
    pair = [TextClassifierFamily.create(RECIPE, registered(tmp_path / n, r)) for n, r in (("a", ROWS), ("b", rows))]
    assert pair[0].tokenizer.to_str() == pair[1].tokenizer.to_str()


# What cannot be done.


def test_a_long_text_is_refused_and_not_cut(family: TextClassifierFamily) -> None:
    longest = "\x00" * 38
    assert family.encode([note(longest)]).lengths == [40]
    with pytest.raises(CorpusError, match="e00000000 has 41 tokens and the recipe reads at most 40; split the example"):
        family.encode([note(longest + "\x00")])


@pytest.mark.parametrize(("text", "label"), [("A text.", "sports"), ("A text.", ""), ("", "loans")])
def test_an_example_without_text_or_of_an_unknown_class_is_refused(
    family: TextClassifierFamily, text: str, label: str
) -> None:
    with pytest.raises(CorpusError, match="e00000000 has no text, or a label that the model does not know"):
        family.encode([note(text, label)])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "No label."}, "unlabelled"),
        ({"text": "An empty label.", "label": " "}, "unlabelled"),
        ({"label": "loans"}, "incomplete"),
    ],
)
def test_a_row_without_a_text_or_a_label_is_skipped_at_registration(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    snapshot = registered(tmp_path, [*ROWS, row])
    assert len(snapshot) == len(ROWS)
    assert [skipped.reason for skipped in snapshot.info.sources[0].skipped] == [reason]


def test_a_number_is_a_class_like_any_other(tmp_path: Path) -> None:
    assert "3" in registered(tmp_path, [*ROWS, {"text": "A number.", "label": 3}]).info.labels


def test_a_corpus_without_labels_is_refused_before_any_work(tmp_path: Path) -> None:
    snapshot = registered(tmp_path, [{"text": row["text"]} for row in ROWS])
    for refused in (lambda: TrainingData.prepare(RECIPE, snapshot), lambda: footprint(RECIPE, snapshot.info)):
        with pytest.raises(CorpusError, match="has no labels, and a text_classifier learns them: register rows of text and"):
            refused()


def test_a_corpus_of_arrays_is_refused_and_the_other_families_point_here(tmp_path: Path, leaf_trainer: Trainer) -> None:
    with pytest.raises(CorpusError, match="holds arrays, and a text_classifier reads text"):
        TrainingData.prepare(RECIPE, leaf_trainer.training_data.snapshot)
    with pytest.raises(CorpusError, match="use a recipe of the family text_classifier"):
        TrainingData.prepare(leaf_trainer.training_data.recipe, registered(tmp_path))


def test_a_class_that_only_held_out_examples_have_is_known_and_never_learned(snapshot: Snapshot) -> None:
    training_data = TrainingData.prepare(replace(RECIPE, epochs=40, learning_rate=1e-2), snapshot)
    model = train(training_data, (), 1, device=CPU, on_step=lambda *_: None)
    [unseen] = [one for one in snapshot.examples("held_out") if one.completion == "events"]
    [scores] = score(model, model.family.encode([unseen]))
    assert float(scores.margin) < -1
    assert not bool(scores.correct)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"heads": 3}, "hidden_size 16 must be a multiple of heads, 3"),
        ({"layers": 0}, "must be at least 1"),
        ({"heads": 0}, "at least 1"),
    ],
)
def test_an_encoder_of_an_impossible_size_is_refused(wrong: dict[str, int], complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        BertArchitecture(**{"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32, **wrong})


def test_a_recipe_comes_back_from_json_as_the_family_that_it_names() -> None:
    assert Recipe.from_json(json.loads(json.dumps(RECIPE.to_json()))) == RECIPE
    language = {**RECIPE.to_json(), "family": "causal_lm"}
    assert type(Recipe.from_json(language).architecture).__name__ == "LlamaArchitecture"
    with pytest.raises(SpecError, match=r"architecture has no field 'heads'; its fields are depth, network"):
        Recipe.from_json({**RECIPE.to_json(), "family": "classifier"})
