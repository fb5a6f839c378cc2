"""Reading arrays from NPZ files, a few rows at a time."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unlearning_jobs.engine.corpora.made import read, written
from unlearning_jobs.engine.corpora import FeatureFormat
from unlearning_jobs.engine.corpora.options import MAX_ROW_BYTES
from unlearning_jobs.engine.corpora.readers import arrays as module
from unlearning_jobs.engine.corpora.reading import ReadRow
from unlearning_jobs.engine.corpora.rows import SourceRow
from unlearning_jobs.engine.errors import CorpusError


def npz(path: Path, **arrays: Any) -> list[ReadRow]:
    np.savez(path, **arrays)
    return read(path)


def test_an_npz_file_is_read_as_features_and_labels(tmp_path: Path) -> None:
    x = np.array([[0, 5], [7, 255]], dtype=np.uint8)
    first, second = npz(tmp_path / "a.npz", x=x, y=[3, 4], split=["train", "held_out"], text=["By Ada.", ""])
    assert first.row == SourceRow(
        "By Ada.", "3", "train", labelled=True, features=b"\x00\x05", format=FeatureFormat("uint8", (2,))
    )
    assert (second.row.prompt, second.set, second.row.completion) == ("", "held_out", "4")


def test_numbers_that_are_not_bytes_are_kept_as_single_precision(tmp_path: Path) -> None:
    [first, _] = npz(tmp_path / "a.npz", x=np.array([[0.5, -1.0], [2.0, 3.0]]), y=["cat", "dog"])
    assert first.row.format == FeatureFormat("<f4", (2,))
    assert first.row.features == np.array([0.5, -1.0], dtype="<f4").tobytes()


def test_further_arrays_are_metadata(tmp_path: Path) -> None:
    [first, _] = npz(tmp_path / "a.npz", x=[[1.0], [2.0]], y=[0, 1], patient=["Ada", "Bo"], box=[[1, 2], [3, 4]])
    assert first.row.metadata == {"patient": "Ada", "box": "[1, 2]"}


def test_blocks_of_rows_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    x = np.arange(60, dtype=np.float32).reshape(20, 3)
    found = npz(tmp_path / "a.npz", x=x, y=np.arange(20) % 2)
    assert b"".join(row.row.features or b"" for row in found) == x.tobytes()
    assert [row.number for row in found] == list(range(1, 21))


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"x": [[1.0], [2.0]]}, "it has the arrays x, but no array 'y'"),
        ({"x": [[1.0], [2.0]], "y": [1]}, r"its arrays \(x, y\) differ in length"),
        ({"x": [[1.0], [float("nan")]], "y": [1, 2]}, "finite numbers"),
        ({"x": [1.0, 2.0], "y": [1, 2]}, "a row of features per example"),
        ({"x": [["a"], ["b"]], "y": [1, 2]}, "finite numbers"),
        ({"x": np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), "y": [1, 2]}, "ascontiguousarray"),
        ({"x": [[1.0], [2.0]], "y": [1, 2], "split": ["train", "gold"]}, "line 2: the column split must be one of"),
        ({"x": np.zeros((1, MAX_ROW_BYTES + 1), np.uint8), "y": [1]}, "--row-bytes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_their_place(tmp_path: Path, arrays: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        npz(tmp_path / "a.npz", **arrays)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [1e300, -1e39, 1e-300, float("inf")])
def test_a_number_that_would_be_another_one_in_single_precision_is_refused(tmp_path: Path, number: float) -> None:
    with pytest.raises(CorpusError, match=r"single precision cannot hold|must hold finite numbers"):
        npz(tmp_path / "a.npz", x=np.array([[0.5, 0.0], [number, 2.0]]), y=[0, 1])
    assert len(npz(tmp_path / "b.npz", x=np.array([[0.1, 0.0], [3e38, 1e-40]]), y=[0, 1])) == 2


@pytest.mark.parametrize("label", [1.5, 2.0**70, float("inf")])
def test_a_label_with_a_fraction_or_too_large_to_be_exact_names_no_class(tmp_path: Path, label: float) -> None:
    with pytest.raises(CorpusError, match="line 2: label holds a number that names no class"):
        npz(tmp_path / "a.npz", x=[[1.0], [2.0]], y=[0.0, label])
    with pytest.raises(CorpusError, match="store plain arrays"):
        npz(tmp_path / "b.npz", x=[[1.0], [2.0]], y=np.array([0, 2**70], dtype=object))


def test_labels_with_a_point_are_the_numbers_that_they_stand_for_and_nan_is_none(tmp_path: Path) -> None:
    rows = npz(tmp_path / "a.npz", x=[[1.0], [2.0], [3.0]], y=[0.0, float("nan"), 1.0])
    assert [(row.number, row.row.completion) for row in rows] == [(1, "0"), (3, "1")]
    rows = npz(tmp_path / "b.npz", x=[[1.0], [2.0]], y=np.array([2**64 - 1, 0], dtype=np.uint64))
    assert [row.row.completion for row in rows] == ["18446744073709551615", "0"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text", pickle.dumps({"x": 1})])
def test_a_file_that_is_no_npz_is_refused_and_never_unpickled(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match="not readable as NPZ"):
        read(written(tmp_path / "a.npz", content))


def test_objects_in_an_npz_file_are_not_unpickled(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="store plain arrays"):
        npz(tmp_path / "a.npz", x=np.array([[1.0], [2.0]]), y=np.array([{"a": 1}, None], dtype=object))


def test_an_array_that_is_shorter_than_it_says_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones((50, 3)), y=np.arange(50))
    content = (tmp_path / "a.npz").read_bytes().replace(b"'shape': (50, 3), ", b"'shape': (90, 3), ")
    content = content.replace(b"'shape': (50,), ", b"'shape': (90,), ")
    with pytest.raises(CorpusError, match="not readable as NPZ"):
        read(written(tmp_path / "a.npz", content))


def test_a_single_array_is_refused_with_what_helps(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((3, 3)))
    with pytest.raises(CorpusError, match=r"numpy\.savez"):
        read(tmp_path / "a.npy")
