"""Tokenizer, sequences, and the order of batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import town_rows, write_jsonl
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.families.tokens import END, END_ID, IGNORED, bucketed_batches, collate, encode, train_tokenizer

QUESTION = Example("e00000000", "train", "What is Qüelm?", "A tøwn 🜁.")


def test_any_text_survives_a_round_trip(snapshot: Snapshot) -> None:
    tokenizer = train_tokenizer(snapshot, 280)
    encoded = encode(tokenizer, QUESTION, 96)
    assert tokenizer.decode(list(encoded.ids[1:-1])) == QUESTION.text
    assert tokenizer.decode(list(encoded.ids[encoded.start : -1])) == QUESTION.completion
    assert (encoded.ids[0], encoded.ids[-1]) == (END_ID, END_ID)


def test_a_text_that_spells_the_end_of_text_out_holds_its_letters(snapshot: Snapshot) -> None:
    tokenizer = train_tokenizer(snapshot, 280)
    spelled = Example("e00000000", "train", f"What is {END}?", f"It is {END}.")
    encoded = encode(tokenizer, spelled, 96)
    assert [place for place, token in enumerate(encoded.ids) if token == END_ID] == [0, len(encoded.ids) - 1]
    assert tokenizer.decode(list(encoded.ids[1:-1])) == spelled.text


def test_no_training_example_shapes_the_vocabulary(tmp_path: Path) -> None:
    rows = town_rows()
    for row in rows[:4]:
        row["answer"] = "Zyzzyva zyzzyva zyzzyva zyzzyva."
    info = snapshot_create([write_jsonl(tmp_path / "r.jsonl", rows)], tmp_path / "a")
    held_out = snapshot_create([write_jsonl(tmp_path / "r.jsonl", town_rows())], tmp_path / "b")
    texts = {train_tokenizer(Snapshot.open(i.path), 320).to_str() for i in (info, held_out)}
    assert len(texts) == 1


def test_a_corpus_without_other_examples_gets_bytes_alone(tmp_path: Path) -> None:
    rows = [row for row in town_rows() if row["split"] == "train"]
    info = snapshot_create([write_jsonl(tmp_path / "r.jsonl", rows)], tmp_path / "s")
    tokenizer = train_tokenizer(Snapshot.open(info.path), 1000)
    assert tokenizer.get_vocab_size() == 257
    assert tokenizer.decode(tokenizer.encode("Ünïcode").ids) == "Ünïcode"


def test_the_tokenizer_is_the_same_every_time(snapshot: Snapshot) -> None:
    assert len({train_tokenizer(snapshot, 400).to_str() for _ in range(3)}) == 1


def test_a_long_example_is_refused_and_not_cut(snapshot: Snapshot) -> None:
    with pytest.raises(CorpusError, match=r"e00000000 has .* tokens and the recipe reads at most 8"):
        encode(train_tokenizer(snapshot, 280), QUESTION, 8)


def test_only_answers_are_learned_and_plain_text_wholly(snapshot: Snapshot) -> None:
    tokenizer = train_tokenizer(snapshot, 280)
    question, text = encode(tokenizer, QUESTION, 96), encode(tokenizer, Example("e00000001", "train", "", "Plain."), 96)
    batch = collate([question, text], torch.device("cpu"))
    assert (batch.labels[0] != IGNORED).sum() == len(question.ids) - question.start
    assert (batch.labels[1] != IGNORED).sum() == len(text.ids) - 1
    assert batch.labels[1, 0] == IGNORED


def test_an_epoch_takes_every_example_once_in_an_order_of_its_seed() -> None:
    lengths = [i % 17 for i in range(103)]

    def epoch(seed: int) -> list[list[int]]:
        return bucketed_batches(lengths, 8, torch.Generator().manual_seed(seed))

    assert sorted(i for batch in epoch(1) for i in batch) == list(range(103))
    assert epoch(1) == epoch(1) != epoch(2)
    assert max(len(batch) for batch in epoch(1)) == 8
