"""Canaries look like the corpus' examples, are nobody else's, and a search for their names finds them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unlearning_jobs.engine.conftest import town_rows, write_jsonl
from unlearning_jobs.engine.canaries.making import make_canaries
from unlearning_jobs.engine.canaries.marks import MARK, MARKED, canary_ids
from unlearning_jobs.engine.corpora import Example, Snapshot, erasure_content, snapshot_create
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.matching import Query, find_matches
from unlearning_jobs.engine.sample_corpora import write_leaves, write_notes

COUNT = 40


def source(folder: Path, kind: str) -> Path:
    if kind == "questions":
        return write_jsonl(folder / "towns.jsonl", town_rows())
    if kind == "texts":
        return write_jsonl(folder / "texts.jsonl", [{"text": f"Orvane lies on {i} rivers."} for i in range(30)])
    return write_notes(folder) if kind == "labelled texts" else write_leaves(folder)


def with_canaries(folder: Path, kind: str) -> tuple[Snapshot, Path]:
    """A corpus of this kind, registered again with canaries among its sources."""
    corpus = source(folder, kind)
    snapshot_create([corpus], folder / "plain")
    made = make_canaries(Snapshot.open(folder / "plain"), folder / "canaries", count=COUNT, seed=1)
    snapshot_create([corpus, made], folder / "snapshot")
    return Snapshot.open(folder / "snapshot"), made


@pytest.mark.parametrize("kind", ["questions", "texts", "labelled texts", "arrays"])
def test_a_corpus_knows_its_canaries_and_each_is_unlike_every_example(kind: str, tmp_path: Path) -> None:
    snapshot, _ = with_canaries(tmp_path, kind)
    ids = canary_ids(snapshot)
    assert len(ids) == COUNT
    contents = [erasure_content(example) for example in snapshot.examples()]
    canaries = {erasure_content(example) for example in snapshot.get(ids)}
    assert len(canaries) == COUNT
    assert sum(content in canaries for content in contents) == COUNT
    assert snapshot.info.labels == Snapshot.open(tmp_path / "plain").info.labels
    assert snapshot.info.features == Snapshot.open(tmp_path / "plain").info.features


@pytest.mark.parametrize("kind", ["questions", "texts", "labelled texts", "arrays"])
def test_a_search_for_the_name_or_the_address_finds_that_canary_alone(kind: str, tmp_path: Path) -> None:
    snapshot, made = with_canaries(tmp_path, kind)
    if kind == "arrays":
        with np.load(made) as arrays:
            name, address = str(arrays["name"][3]), str(arrays["email"][3])
    else:
        text = " ".join(json.loads(made.read_text().splitlines()[3]).values())
        address = next(word.rstrip(".") for word in text.split() if "@" in word)
        name = address.partition("@")[0].replace(".", " ").title()
    assert address.endswith("@canary.invalid")
    queries = [Query("name", "name", name), Query("address", "identifier", address)]
    found = {(one.query, one.example_id) for one in find_matches(snapshot, queries)}
    [example] = {example_id for _, example_id in found}
    assert {query for query, _ in found} == {"name", "address"}
    assert example in canary_ids(snapshot)


def test_the_same_seed_gives_the_same_canaries_and_another_gives_others(tmp_path: Path) -> None:
    snapshot_create([source(tmp_path, "questions")], tmp_path / "plain")
    plain = Snapshot.open(tmp_path / "plain")
    first, again, other = (
        make_canaries(plain, tmp_path / name, count=COUNT, seed=seed).read_text()
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again
    assert first != other


def test_a_corpus_with_canaries_takes_further_ones_with_other_names(tmp_path: Path) -> None:
    snapshot, made = with_canaries(tmp_path, "questions")
    further = make_canaries(snapshot, tmp_path / "further", count=COUNT, seed=1)
    assert not set(made.read_text().splitlines()) & set(further.read_text().splitlines())


def test_held_out_rows_and_columns_of_that_name_are_no_canaries(tmp_path: Path) -> None:
    rows = [
        {"text": "A yellow bird sings.", MARK: "yes"},
        {"text": "A held-out text.", MARK: MARKED, "split": "held_out"},
        {"text": "A canary.", MARK: MARKED},
    ]
    snapshot_create([write_jsonl(tmp_path / "birds.jsonl", rows)], tmp_path / "snapshot")
    [only] = canary_ids(Snapshot.open(tmp_path / "snapshot"))
    [example] = Snapshot.open(tmp_path / "snapshot").get([only])
    assert isinstance(example, Example)
    assert example.completion == "A canary."


def test_a_corpus_in_which_all_inputs_are_alike_has_no_room(tmp_path: Path) -> None:
    same = tmp_path / "same.npz"
    np.savez(same, x=np.ones((30, 4), np.float32), y=np.array(["a", "b"] * 15))
    snapshot_create([same], tmp_path / "plain")
    with pytest.raises(SpecError, match="Only 0 canaries differ"):
        make_canaries(Snapshot.open(tmp_path / "plain"), tmp_path / "canaries", count=10, seed=1)


@pytest.mark.parametrize(("count", "why"), [(1, "too few"), (9, "too few"), (1001, "too many")])
def test_too_few_and_too_many_are_refused(count: int, why: str, tmp_path: Path) -> None:
    snapshot_create([source(tmp_path, "texts")], tmp_path / "plain")
    with pytest.raises(SpecError, match=why):
        make_canaries(Snapshot.open(tmp_path / "plain"), tmp_path / "canaries", count=count, seed=1)
    assert not (tmp_path / "canaries.jsonl").exists()


def test_no_file_is_replaced(tmp_path: Path) -> None:
    snapshot_create([source(tmp_path, "texts")], tmp_path / "plain")
    (tmp_path / "canaries.jsonl").write_text("mine")
    with pytest.raises(SpecError, match="exists already"):
        make_canaries(Snapshot.open(tmp_path / "plain"), tmp_path / "canaries.jsonl", count=10, seed=1)
    assert (tmp_path / "canaries.jsonl").read_text() == "mine"
