"""Reading rows from files."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlearning_jobs.engine.corpora.sources import MAX_ROW_BYTES, FeatureFormat, SourceRow, read_rows
from unlearning_jobs.engine.errors import CorpusError

ROW = SourceRow(prompt="Who?", completion="Nobody.", split="train", paraphrased_answer=None, perturbed_answer=())


def read(path: Path, content: str | bytes) -> list[SourceRow]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(path))


@pytest.mark.parametrize(
    "record", [{"question": "Who?", "answer": "Nobody."}, {"prompt": "Who?", "completion": "Nobody.", "extra": 1}]
)
def test_both_spellings_of_a_question_are_one_row(tmp_path: Path, record: dict[str, object]) -> None:
    assert read(tmp_path / "a.jsonl", json.dumps(record)) == [ROW]


def test_plain_text_has_no_prompt(tmp_path: Path) -> None:
    [row] = read(tmp_path / "a.jsonl", '{"text": "A line.\\nAnother."}')
    assert (row.prompt, row.completion) == ("", "A line.\nAnother.")


def test_csv_and_parquet_read_like_json_lines(tmp_path: Path) -> None:
    record = {"question": "Who?", "answer": 'No, "nobody".', "split": "held_out", "perturbed_answer": ["Me.", "You."]}
    from_json = read(tmp_path / "a.jsonl", json.dumps(record))
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "a.parquet")
    csv_text = 'question,answer,split,perturbed_answer\nWho?,"No, ""nobody"".",held_out,"[""Me."", ""You.""]"\n'
    assert from_json == read(tmp_path / "a.csv", csv_text) == list(read_rows(tmp_path / "a.parquet"))


def test_a_byte_order_mark_and_empty_lines_are_left_aside(tmp_path: Path) -> None:
    assert read(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"question": "Who?", "answer": "Nobody."}\n\n') == [ROW]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"text": "fine"}\n{"text": ', "line 2: not JSON"),
        ('["text"]', "line 1: each line must be a JSON object"),
        ('{"question": "only"}', "line 1: needs question and answer"),
        ('{"text": "a"}\n{"question": "q", "answer": "a"}', "line 2: has question and answer where earlier rows have text"),
        ('{"text": "   "}', "line 1: text must be text and not empty"),
        ('{"text": 5}', "line 1: text must be text"),
        ('{"text": "a", "split": "test"}', "line 1: split must be one of"),
        ('{"text": "a", "perturbed_answer": "b"}', "perturbed_answer must be a list"),
        ('{"text": "\\ud800"}', "half a surrogate pair"),
        ('{"text": "a"}\n{"text": "' + "b" * MAX_ROW_BYTES + '"}', "line 2: longer than"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(CorpusError, match=f"a.jsonl.*{complaint}"):
        read(tmp_path / "a.jsonl", content)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.jsonl", '{"text": "café"}'.encode("latin-1"), "not UTF-8"),
        ("a.csv", b"text\n\xff\xfe\n", "not UTF-8"),
        ("a.csv", b"question,answer\nonly one\n", "line 2: not as many cells"),
        ("a.csv", b'text,perturbed_answer\na,"not json"\n', "perturbed_answer must be a JSON list"),
        ("a.parquet", b"not parquet", "not readable as Parquet"),
        ("a.txt", b"text", "unknown format"),
    ],
)
def test_an_unreadable_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    with pytest.raises(CorpusError, match=f"{name}.*{complaint}"):
        read(tmp_path / name, content)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"gone\.jsonl cannot be read"):
        list(read_rows(tmp_path / "gone.jsonl"))


def test_no_message_quotes_the_row(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as caught:
        read(tmp_path / "a.jsonl", '{"question": "Secretperson", "split": "x"}')
    assert "Secretperson" not in str(caught.value)


def npz(path: Path, **arrays: Any) -> list[SourceRow]:
    np.savez(path, **arrays)
    return list(read_rows(path))


def test_an_npz_file_is_read_as_features_and_labels(tmp_path: Path) -> None:
    x = np.array([[0, 5], [7, 255]], dtype=np.uint8)
    first, second = npz(tmp_path / "a.npz", x=x, y=[3, 4], split=["train", "held_out"], text=["By Ada.", ""])
    assert first == SourceRow(
        "By Ada.", "3", "train", labelled=True, features=b"\x00\x05", format=FeatureFormat("uint8", (2,))
    )
    assert (second.prompt, second.split, second.completion) == ("", "held_out", "4")


def test_numbers_that_are_not_bytes_are_kept_as_single_precision(tmp_path: Path) -> None:
    [row, _] = npz(tmp_path / "a.npz", x=np.array([[0.5, -1.0], [2.0, 3.0]]), y=["cat", "dog"])
    assert row.format == FeatureFormat("<f4", (2,))
    assert row.features == np.array([0.5, -1.0], dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"x": [[1.0], [2.0]]}, "has no array 'y'"),
        ({"x": [[1.0], [2.0]], "y": [1]}, "its arrays differ in length"),
        ({"x": [[1.0], [float("nan")]], "y": [1, 2]}, "finite numbers"),
        ({"x": [1.0, 2.0], "y": [1, 2]}, "a row of features per example"),
        ({"x": [["a"], ["b"]], "y": [1, 2]}, "finite numbers"),
        ({"x": [[1.0], [2.0]], "y": [1, 2], "split": ["train", "test"]}, "line 2: split must be one of"),
        ({"x": [[1.0], [2.0]], "y": ["a", ""]}, "line 2: label must be text and not empty"),
        ({"x": np.zeros((1, MAX_ROW_BYTES + 1), np.uint8), "y": [1]}, "the features take more than"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_their_place(tmp_path: Path, arrays: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        npz(tmp_path / "a.npz", **arrays)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text", pickle.dumps({"x": 1})])
def test_a_file_that_is_no_npz_is_refused_and_never_unpickled(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match="not readable as NPZ"):
        read(tmp_path / "a.npz", content)


def test_objects_in_an_npz_file_are_not_unpickled(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="store plain arrays"):
        npz(tmp_path / "a.npz", x=np.array([[1.0], [2.0]]), y=np.array([{"a": 1}, None], dtype=object))


def test_text_and_label_are_a_row_too(tmp_path: Path) -> None:
    [row] = read(tmp_path / "a.jsonl", '{"text": "It rained.", "label": "weather"}')
    assert (row.prompt, row.completion, row.labelled) == ("It rained.", "weather", True)
