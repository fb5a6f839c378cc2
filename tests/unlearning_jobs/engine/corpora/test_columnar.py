"""Reading Parquet and Arrow, as they come from data platforms and from `datasets`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unlearning_jobs.engine.corpora.made import read, report, texts, written
from unlearning_jobs.engine.corpora import reading
from unlearning_jobs.engine.errors import CorpusError

TEXTS = pa.table({"text": [f"number {number}" for number in range(20)]})
CLASSES = {"label": {"names": ["ham", "spam"], "_type": "ClassLabel"}}


def arrow_file(path: Path, table: Any, *, as_stream: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    open_writer = pa.ipc.new_stream if as_stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, open_writer(file, table.schema) as writer:
        writer.write_table(table)
    return path


def named_classes(table: Any) -> Any:
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": CLASSES}})})


def test_a_parquet_file_reads_like_json_lines(tmp_path: Path) -> None:
    record = {"question": "Who?", "answer": "Nobody.", "split": "held_out", "perturbed_answer": ["Me.", "You."]}
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "a.parquet", compression="zstd")
    [found] = read(tmp_path / "a.parquet")
    assert (found.set, found.row.prompt, found.row.perturbed_answer) == ("held_out", "Who?", ("Me.", "You."))


@pytest.mark.parametrize("as_stream", [True, False])
def test_arrow_files_and_streams_are_read(tmp_path: Path, *, as_stream: bool) -> None:
    path = arrow_file(tmp_path / "a.arrow", TEXTS, as_stream=as_stream)
    assert [completion for _, completion in texts(path)] == TEXTS["text"].to_pylist()


def test_dictionaries_of_values_are_texts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS["text"].combine_chunks().dictionary_encode()}), tmp_path / "a.parquet")
    assert len(texts(tmp_path / "a.parquet")) == 20


def test_shards_are_one_corpus_in_the_order_of_their_names_and_name_their_sets(tmp_path: Path) -> None:
    for name in ("train-00001-of-00002", "train-00000-of-00002", "validation-00000-of-00001"):
        (tmp_path / "wiki" / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(TEXTS, tmp_path / "wiki" / "data" / f"{name}.parquet")
    written(tmp_path / "wiki" / "README.md", "A data set.")
    found = read(tmp_path / "wiki")
    assert [(row.set, row.file.rpartition("/")[2][:11]) for row in found[::20]] == [
        ("train", "train-00000"),
        ("train", "train-00001"),
        ("held_out", "validation-"),
    ]
    about = report(tmp_path / "wiki")
    assert about.sets == {"train": {"train": 40}, "validation": {"held_out": 20}}
    assert (about.files, about.aside) == (3, 1)


def test_a_folder_of_save_to_disk_is_read_with_its_sets_and_the_names_of_classes(tmp_path: Path) -> None:
    table = named_classes(TEXTS.append_column("label", [[number % 2 for number in range(20)]]))
    for split in ("train", "test"):
        arrow_file(tmp_path / "disk" / split / "data-00000-of-00001.arrow", table, as_stream=True)
        written(tmp_path / "disk" / split / "state.json", "{}")
        written(tmp_path / "disk" / split / "dataset_info.json", "{}")
    written(tmp_path / "disk" / "dataset_dict.json", json.dumps({"splits": ["train", "test"]}))
    found = read(tmp_path / "disk")
    assert {(row.set, row.row.completion) for row in found} == {
        (name, label) for name in ("train", "held_out") for label in ("ham", "spam")
    }


def test_integer_labels_without_names_are_their_numbers(tmp_path: Path) -> None:
    pq.write_table(TEXTS.append_column("label", [[number % 2 for number in range(20)]]), tmp_path / "a.parquet")
    assert {label for _, label in texts(tmp_path / "a.parquet")} == {"0", "1"}


def test_a_named_class_of_minus_one_is_no_label(tmp_path: Path) -> None:
    pq.write_table(named_classes(TEXTS.append_column("label", [[-1, 0, 1, 0] * 5])), tmp_path / "a.parquet")
    assert [(s.reason, s.count) for s in report(tmp_path / "a.parquet").skipped] == [("unlabelled", 5)]


def test_values_of_every_type_are_metadata_as_text(tmp_path: Path) -> None:
    values = {
        "text": "a",
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "score": 0.5,
        "tags": ["x", "y"],
        "raw": b"\xff\xfe",
        "empty": None,
        "who": {"name": "Ada", "born": 1815},
    }
    pq.write_table(pa.Table.from_pylist([values]), tmp_path / "a.parquet")
    [found] = read(tmp_path / "a.parquet")
    assert found.row.metadata == {
        "when": "2026-01-02 00:00:00+00:00",
        "score": "0.5",
        "tags": '["x", "y"]',
        "raw": "//4=",
        "who": '{"name": "Ada", "born": 1815}',
    }


def test_one_empty_row_is_skipped_and_reported(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [None, "a", "b"]}), tmp_path / "a.parquet")
    [skipped] = report(tmp_path / "a.parquet").skipped
    assert (skipped.reason, skipped.places) == ("empty", ("a.parquet, line 1",))


def test_a_column_without_anything_in_it_is_named_as_empty(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([float("nan")] * 3)}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"Columns seen: text \(empty\)\. .*--role text=COLUMN"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=f"{name}: not readable as"):
        read(written(tmp_path / name, b"neither of the two"))


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = arrow_file(tmp_path / "a.arrow", TEXTS, as_stream=True).read_bytes()
    with pytest.raises(CorpusError, match=r"b\.arrow: not readable as Arrow"):
        read(written(tmp_path / "b.arrow", whole[: len(whole) // 2]))


def test_a_file_that_expands_without_measure_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FREE_BYTES", 1 << 20)  # the real limit, with less to write
    same = pa.array(["a" * 10_000]).take(pa.array([0] * 3000))
    pq.write_table(pa.table({"text": same}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="as a decompression bomb would"):
        read(tmp_path / "a.parquet")
