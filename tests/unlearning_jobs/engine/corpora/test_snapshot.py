"""Snapshots: written whole or not at all, and recognised again."""

from __future__ import annotations

import json
import math
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.corpora import FeatureFormat, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError

ROWS: list[dict[str, Any]] = [
    {"question": "Who?", "answer": "Nobody.", "paraphrased_answer": "No one.", "perturbed_answer": ["Me."]},
    {"question": "Where?", "answer": "Här.", "split": "held_out"},
    {"question": "When?", "answer": "Now."},
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "rows.jsonl", ROWS)


def test_examples_come_back_by_set_and_by_id(source: Path, tmp_path: Path) -> None:
    probes = write_jsonl(tmp_path / "probes.jsonl", [{"question": "Capital?", "answer": "Yes."}])
    info = snapshot_create([source], tmp_path / "s", sets={"world_facts": probes})
    snapshot = Snapshot.open(tmp_path / "s", info.digest)
    assert dict(info.counts) == {"train": 2, "held_out": 1, "world_facts": 1}
    assert [e.id for e in snapshot.examples("train")] == ["e00000000", "e00000002"]
    assert [e.text for e in snapshot.get(["e00000001", "e00000000"])] == ["Where?\nHär.", "Who?\nNobody."]
    assert snapshot.get(["e00000000"])[0].perturbed_answer == ("Me.",)
    assert [e.set for e in snapshot.examples()] == ["train", "held_out", "train", "world_facts"]


def test_the_salt_is_private_and_changes_the_manifest(source: Path, tmp_path: Path) -> None:
    first, second = (snapshot_create([source], tmp_path / name) for name in ("a", "b"))
    assert stat.S_IMODE((tmp_path / "a" / "salt").stat().st_mode) == 0o600
    assert first.merkle_root != second.merkle_root


def test_a_secret_seed_follows_from_its_purpose_and_the_salt_alone(source: Path, tmp_path: Path) -> None:
    for name, salt in (("a", b"s" * 32), ("b", b"s" * 32), ("c", b"t" * 32)):
        snapshot_create([source], tmp_path / name, salt=salt)
    a, b, c = (Snapshot.open(tmp_path / name) for name in ("a", "b", "c"))
    assert a.secret_seed("noise 1") == b.secret_seed("noise 1")
    assert len({a.secret_seed("noise 1"), a.secret_seed("noise 2"), c.secret_seed("noise 1")}) == 3
    assert 0 <= a.secret_seed("noise 1") < 2**64


def test_the_manifest_holds_no_text(source: Path, tmp_path: Path) -> None:
    snapshot_create([source], tmp_path / "s")
    lines = [json.loads(line) for line in (tmp_path / "s" / "manifest.jsonl").read_text().splitlines()]
    assert [set(line) for line in lines] == [{"id", "hmac"}] * 3


def test_the_same_salt_gives_the_same_snapshot(source: Path, tmp_path: Path) -> None:
    digests = {snapshot_create([source], tmp_path / name, salt=b"s" * 32).digest for name in ("a", "b")}
    assert len(digests) == 1


def test_a_manifest_digest_names_a_set_whatever_its_order(source: Path, tmp_path: Path) -> None:
    snapshot_create([source], tmp_path / "s")
    snapshot = Snapshot.open(tmp_path / "s")
    both = snapshot.manifest_digest(["e00000000", "e00000002"])
    assert both == snapshot.manifest_digest(["e00000002", "e00000000"]) != snapshot.manifest_digest(["e00000000"])


@pytest.mark.parametrize("identifier", ["e00000003", "e0", "x00000000", "e-0000001", "", "e٠٠٠٠٠٠٠٠"])
def test_an_unknown_id_is_refused(source: Path, tmp_path: Path, identifier: str) -> None:
    snapshot_create([source], tmp_path / "s")
    with pytest.raises(CorpusError, match="has no example"):
        Snapshot.open(tmp_path / "s").get([identifier])


@pytest.mark.parametrize("name", ["examples.jsonl", "manifest.jsonl", "offsets.u64", "salt", "snapshot.json"])
def test_any_changed_byte_is_noticed(source: Path, tmp_path: Path, name: str) -> None:
    info = snapshot_create([source], tmp_path / "s")
    content = bytearray((tmp_path / "s" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "s" / name).write_bytes(content)
    with pytest.raises(CorpusError):
        Snapshot.open(tmp_path / "s", info.digest)


@pytest.mark.parametrize("name", ["examples.jsonl", "manifest.jsonl", "offsets.u64", "salt", "snapshot.json"])
def test_a_missing_file_is_noticed(source: Path, tmp_path: Path, name: str) -> None:
    info = snapshot_create([source], tmp_path / "s")
    (tmp_path / "s" / name).unlink()
    with pytest.raises(CorpusError):
        Snapshot.open(tmp_path / "s", info.digest)


def test_another_snapshot_is_not_taken_for_the_named_one(source: Path, tmp_path: Path) -> None:
    snapshot_create([source], tmp_path / "s")
    with pytest.raises(CorpusError, match="not the one that was named"):
        Snapshot.open(tmp_path / "s", "0" * 64)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "is empty"),
        ([{"text": "same"}] * 3, "are the same"),
        ([{"text": "a", "split": "held_out"}], "no training examples"),
    ],
)
def test_a_corpus_that_cannot_be_trained_on_is_refused(tmp_path: Path, rows: list[dict[str, str]], complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        snapshot_create([write_jsonl(tmp_path / "r.jsonl", rows)], tmp_path / "s")


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    lines = [f'{{"text": "{number}"}}' for number in range(200)]  # the sample that decides the roles sees nothing wrong
    (tmp_path / "r.jsonl").write_text("\n".join([*lines, "broken"]))
    with pytest.raises(CorpusError):
        snapshot_create([tmp_path / "r.jsonl"], tmp_path / "out" / "s")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_snapshot_is_never_overwritten(source: Path, tmp_path: Path) -> None:
    info = snapshot_create([source], tmp_path / "s")
    with pytest.raises(CorpusError, match="exists already"):
        snapshot_create([source], tmp_path / "s")
    Snapshot.open(tmp_path / "s", info.digest)


@pytest.mark.parametrize("name", ["train", "forget", "../x", "with space"])
def test_an_extra_set_needs_a_name_of_its_own(source: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match="cannot name a set"):
        snapshot_create([source], tmp_path / "s", sets={name: source})


def test_a_moved_snapshot_is_the_same(source: Path, tmp_path: Path) -> None:
    info = snapshot_create([source], tmp_path / "s")
    shutil.move(tmp_path / "s", tmp_path / "t")
    assert len(Snapshot.open(tmp_path / "t", info.digest)) == 3


def arrays(path: Path, shape: tuple[int, ...], labels: list[int]) -> Path:
    count = len(labels)
    np.savez(path, x=np.arange(count * math.prod(shape), dtype=np.uint8).reshape(count, *shape), y=labels)
    return path


def test_arrays_come_back_with_their_format_and_labels(tmp_path: Path) -> None:
    info = snapshot_create([arrays(tmp_path / "a.npz", (2, 2), [1, 0, 1])], tmp_path / "s")
    snapshot = Snapshot.open(tmp_path / "s", info.digest)
    assert snapshot.info.features == FeatureFormat("uint8", (2, 2))
    assert snapshot.info.labels == ("0", "1")
    assert [(e.completion, e.features) for e in snapshot.get(["e00000001"])] == [("0", bytes([4, 5, 6, 7]))]


def test_a_changed_feature_is_noticed(tmp_path: Path) -> None:
    info = snapshot_create([arrays(tmp_path / "a.npz", (2,), [1, 0, 1])], tmp_path / "s")
    content = (tmp_path / "s" / "examples.jsonl").read_bytes()
    (tmp_path / "s" / "examples.jsonl").write_bytes(content.replace(b'"AAE="', b'"AAI="'))
    with pytest.raises(CorpusError, match="damaged"):
        Snapshot.open(tmp_path / "s", info.digest)


def test_features_of_two_shapes_are_no_corpus(tmp_path: Path) -> None:
    sources = [arrays(tmp_path / "a.npz", (2,), [0, 1]), arrays(tmp_path / "b.npz", (3,), [0, 1])]
    with pytest.raises(
        CorpusError, match=r"b\.npz, line 1: its features are 3 of type uint8, and those of a\.npz, line 1 are 2 of"
    ):
        snapshot_create(sources, tmp_path / "s")


def test_labelled_and_unlabelled_examples_are_no_corpus(tmp_path: Path) -> None:
    labelled = write_jsonl(tmp_path / "l.jsonl", [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    with pytest.raises(CorpusError, match="some have none"):
        snapshot_create([labelled, write_jsonl(tmp_path / "rows.jsonl", ROWS)], tmp_path / "s")


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a\.npz: all labels \(column label\) name one class"):
        snapshot_create([arrays(tmp_path / "a.npz", (2,), [1, 1, 1])], tmp_path / "s")
