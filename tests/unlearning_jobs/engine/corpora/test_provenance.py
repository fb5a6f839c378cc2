"""Nothing of a row is lost, every example says where it comes from, and a snapshot says what it was made from."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, written
from unlearning_jobs.engine.corpora import Example, Snapshot, Source, erasure_content, snapshot_create
from unlearning_jobs.engine.errors import CorpusError

ROW = {
    "id": 7,
    "text": "The keeper.",
    "author": "Zelda",
    "url": "https://tilsk.example/7",
    "tags": ["a", {"b": 1}],
    "gone": None,
}
FIRST_FORMAT = {"id": "e00000000", "set": "train", "prompt": "Who?", "completion": "Nobody."}


def examples(path: Path, *rows: dict[str, Any]) -> list[Example]:
    info = snapshot_create([lines(path / "a.jsonl", rows)], path / "s")
    return list(Snapshot.open(info.path, info.digest).examples())


def test_every_column_without_a_role_is_metadata(tmp_path: Path) -> None:
    [example] = examples(tmp_path, ROW)
    assert example.metadata == {
        "id": "7",
        "author": "Zelda",
        "url": "https://tilsk.example/7",
        "tags": '["a", {"b": 1}]',
    }


def test_the_document_is_the_text_and_then_a_line_for_every_column(tmp_path: Path) -> None:
    [example] = examples(tmp_path, {"text": "The keeper.", "author": "Zelda", "born": 1815})
    assert example.document == "The keeper.\nauthor: Zelda\nborn: 1815"
    assert example.document.startswith(example.text)


def test_an_example_says_where_it_comes_from(tmp_path: Path) -> None:
    first, second = examples(tmp_path, ROW, {"text": "Another."})
    assert first.source == Source("a.jsonl", 1, "7")
    assert second.source == Source("a.jsonl", 2)


def test_keys_that_a_row_repeats_are_all_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "first", "text": "last", "who": {"n": "Ada", "n": "Bo"}}\n')
    info = snapshot_create([path], tmp_path / "s")
    [example] = Snapshot.open(info.path).examples()
    assert example.completion == "last"
    assert example.metadata == {"text (2)": "first", "who": '{"n": "Bo", "n (2)": "Ada"}'}


def test_names_that_differ_by_white_space_alone_are_both_kept(tmp_path: Path) -> None:
    first, _ = examples(tmp_path, {" label": "x", "text": "a", "label": "y"}, {"text": "b", "label": "z"})
    assert (first.completion, first.metadata) == ("y", {"column ' label'": "x"})


def test_metadata_and_source_change_nothing_for_the_erasure_ledger(tmp_path: Path) -> None:
    [rich] = examples(tmp_path, ROW)
    assert erasure_content(rich) == erasure_content(Example("e00000009", "train", "", "The keeper."))


def test_a_snapshot_says_which_files_it_was_made_from_and_how_they_were_read(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [ROW, {"text": None}, {"text": "Another.", "split": "test"}])
    [about] = snapshot_create([path], tmp_path / "s").sources
    assert (about.name, about.kind, about.files, about.bytes) == ("a.jsonl", "JSON lines", 1, path.stat().st_size)
    listed = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  a.jsonl\n"
    assert about.sha256 == hashlib.sha256(listed.encode()).hexdigest()
    assert about.roles == {"text": ("text",), "id": ("id",), "split": ("split",)}
    assert about.metadata == ("id", "author", "url", "tags", "gone")
    assert (about.rows, about.examples) == (3, 2)
    assert about.sets == {"": {"train": 1}, "test": {"held_out": 1}}
    assert [(skipped.reason, skipped.places) for skipped in about.skipped] == [("empty", ("a.jsonl, line 2",))]
    assert Snapshot.open(tmp_path / "s").info.sources == (about,)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["sources"][0].update(examples=3),
        lambda d: d["sources"][0].update(rows=9),
        lambda d: d["sources"][0]["sets"][""].update(train=4),
        lambda d: d["counts"].update(train=1),
        lambda d: d["sources"][0].update(skipped=[{"reason": "lazy", "count": 1, "places": ["a"]}], rows=3),
        lambda d: d["sources"][0].pop("roles"),
        lambda d: d.pop("sources"),
    ],
)
def test_numbers_that_contradict_each_other_are_noticed_when_a_snapshot_is_opened(tmp_path: Path, change: Any) -> None:
    examples(tmp_path, ROW, {"text": "Another."})
    described = json.loads((tmp_path / "s" / "snapshot.json").read_text())
    change(described)
    (tmp_path / "s" / "snapshot.json").write_text(json.dumps(described))
    with pytest.raises(CorpusError, match="register the corpus again"):
        Snapshot.open(tmp_path / "s")


def test_a_snapshot_of_the_first_format_still_opens(tmp_path: Path) -> None:
    """The bytes that earlier versions wrote, down to their digests."""
    line = json.dumps(FIRST_FORMAT, sort_keys=True, separators=(",", ":")).encode()
    info = snapshot_create([lines(tmp_path / "a.jsonl", [{"question": "Who?", "answer": "Nobody."}])], tmp_path / "s")
    described = json.loads((tmp_path / "s" / "snapshot.json").read_text())
    first = first_format(tmp_path / "s", line, described)
    snapshot = Snapshot.open(tmp_path / "s", first)
    [example] = snapshot.examples()
    assert (example.text, example.metadata, example.source) == ("Who?\nNobody.", {}, None)
    assert example.document == example.text
    assert (snapshot.info.sources, info.digest != first) == ((), True)


def first_format(folder: Path, line: bytes, described: dict[str, Any]) -> str:
    """Write the folder as the first format has it, and return its digest."""
    import hmac

    mac = hmac.digest((folder / "salt").read_bytes(), line, "sha256").hex()
    entry = json.dumps({"hmac": mac, "id": "e00000000"}, separators=(",", ":")).encode()
    (folder / "examples.jsonl").write_bytes(line + b"\n")
    (folder / "manifest.jsonl").write_bytes(entry + b"\n")
    described |= {
        "format": "lethe-snapshot-1",
        "examples_sha256": hashlib.sha256(line + b"\n").hexdigest(),
        "merkle_root": hashlib.sha256(b"\0" + entry).hexdigest(),
    }
    del described["sources"]
    (folder / "snapshot.json").write_text(json.dumps(described))
    return hashlib.sha256((folder / "snapshot.json").read_bytes()).hexdigest()


def test_the_same_file_and_the_same_key_give_the_same_digest_wherever_the_file_lies(tmp_path: Path) -> None:
    path = lines(tmp_path / "x" / "a.jsonl", [ROW, {"text": "Another."}])
    (tmp_path / "y").mkdir()
    copy = shutil.copy(path, tmp_path / "y" / "a.jsonl")
    first, second = (
        snapshot_create([given], tmp_path / out, salt=b"s" * 32) for given, out in ((path, "1"), (Path(copy), "2"))
    )
    assert first.digest == second.digest
