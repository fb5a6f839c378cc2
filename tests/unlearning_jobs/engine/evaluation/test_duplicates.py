"""Retained examples that repeat what is to be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.contracts import Duplicate
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.evaluation import duplicates
from unlearning_jobs.engine.evaluation.duplicates import find_duplicates

SENTENCE = "The harbour of Orvane was built in nine years by order of the council and paid for in amber from the hills"


@pytest.fixture
def snapshot_of(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Snapshot]:
    def make(rows: list[dict[str, Any]]) -> Snapshot:
        info = snapshot_create([write_jsonl(tmp_path / "rows.jsonl", rows)], tmp_path / "snapshot")
        return Snapshot.open(tmp_path / "snapshot", info.digest)

    return make


def found(snapshot: Snapshot, *forget_ids: str) -> tuple[Duplicate, ...]:
    retained = [e.id for e in snapshot.examples("train") if e.id not in forget_ids]
    return find_duplicates(snapshot, snapshot.get(list(forget_ids)), retained)


def text_rows(*answers: str) -> list[dict[str, Any]]:
    return [{"question": "What is known?", "answer": answer} for answer in answers]


def test_texts_that_say_the_same_are_found_and_the_most_alike_come_first(
    snapshot_of: Callable[[list[dict[str, Any]]], Snapshot],
) -> None:
    near = SENTENCE.replace("the hills", "the mountains")
    apart = SENTENCE.replace("nine", "two").replace("council", "duke").replace("amber", "salt")
    snapshot = snapshot_of(text_rows(SENTENCE, apart, near, SENTENCE.upper(), "Something else entirely."))
    same, alike = found(snapshot, "e00000000")
    assert (same.retain_id, same.likeness) == ("e00000003", 1.0)
    assert (alike.forget_id, alike.retain_id) == ("e00000000", "e00000002")
    assert 0.8 <= alike.likeness < 1.0


def test_texts_shorter_than_a_run_are_compared_as_a_whole(
    snapshot_of: Callable[[list[dict[str, Any]]], Snapshot],
) -> None:
    rows = [{"question": "Who?", "answer": answer} for answer in ("Ada.", "ada", "Bob.")]
    [only] = found(snapshot_of(rows), "e00000000")
    assert only == Duplicate("e00000000", "e00000001", 1.0)


def test_only_what_the_result_may_know_is_searched(snapshot_of: Callable[[list[dict[str, Any]]], Snapshot]) -> None:
    rows = text_rows(SENTENCE, SENTENCE, SENTENCE, "Another.")
    rows[2]["split"] = "held_out"
    snapshot = snapshot_of(rows)
    assert find_duplicates(snapshot, snapshot.get(["e00000000"]), []) == ()
    assert [d.retain_id for d in found(snapshot, "e00000000")] == ["e00000001"]


def test_no_more_are_named_than_a_report_can_bear(
    snapshot_of: Callable[[list[dict[str, Any]]], Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MOST_NAMED", 3)
    assert len(found(snapshot_of(text_rows(*[SENTENCE] * 6, "Another.")), "e00000000")) == 3


def test_arrays_of_the_same_label_that_are_nearly_equal_are_found(tmp_path: Path, rng: np.random.Generator) -> None:
    features = rng.normal(0, 1, (40, 16)).astype(np.float32)
    features[1], features[2] = features[0], features[0]
    features[3] = features[0] + 0.02 * features[5]
    labels = np.array(["a", "b", "a", "a"] + ["a", "b"] * 18)
    np.savez(tmp_path / "arrays.npz", x=features, y=labels)
    info = snapshot_create([tmp_path / "arrays.npz"], tmp_path / "snapshot")
    same, near = found(Snapshot.open(tmp_path / "snapshot", info.digest), "e00000000")
    assert (same.retain_id, same.likeness) == ("e00000002", 1.0), "the other label says something else"
    assert near.retain_id == "e00000003"
    assert 0.9 < near.likeness < 1


def test_a_large_number_that_all_rows_share_makes_nothing_alike(tmp_path: Path, rng: np.random.Generator) -> None:
    features = rng.normal(0, 1, (40, 4)).astype(np.float32)
    features[:, 0] += 2024
    np.savez(tmp_path / "arrays.npz", x=features, y=np.array(["a", "b"] * 20))
    info = snapshot_create([tmp_path / "arrays.npz"], tmp_path / "snapshot")
    assert found(Snapshot.open(tmp_path / "snapshot", info.digest), "e00000000") == ()


def test_arrays_of_nothing_but_zeros_are_equal(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "arrays.npz",
        x=np.array([[0.0] * 4] * 3 + [[1.0] * 4], dtype=np.float32),
        y=np.array(["a", "a", "a", "b"]),
    )
    info = snapshot_create([tmp_path / "arrays.npz"], tmp_path / "snapshot")
    assert [d.likeness for d in found(Snapshot.open(tmp_path / "snapshot", info.digest), "e00000000")] == [1.0, 1.0]
