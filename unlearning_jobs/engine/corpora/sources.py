"""Reads rows from JSON lines, CSV, Parquet and NPZ, one at a time. Every error names the file, and the line if it has one.

A row has `question` and `answer`, or `prompt` and `completion`, or `text` and `label`, or `text`, the same in all rows of a
file. Optional columns are `split` ("train" or "held_out"), `paraphrased_answer`, and `perturbed_answer`, a list of wrong
answers (as JSON in CSV files). Other columns are ignored. An NPZ file has the arrays `x`, with the features of each example,
and `y`, with their labels. It may have `split`, and `text`, a text about each example that is searched for people.
Messages never quote a row, because it may be about a person.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.errors import CorpusError

MAX_ROW_BYTES = 1 << 20
SHAPES = (("features", "label"), ("question", "answer"), ("prompt", "completion"), ("text", "label"), ("text",))
SPLITS = ("train", "held_out")


@dataclass(frozen=True)
class FeatureFormat:
    """The layout of an example's features in memory: NumPy's name of the type, and the shape."""

    dtype: Literal["uint8", "<f4"]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class SourceRow:
    """One example as read from a source. `prompt` is empty for plain text."""

    prompt: str
    completion: str
    split: str
    paraphrased_answer: str | None = None
    perturbed_answer: tuple[str, ...] = ()
    labelled: bool = False
    """Whether the completion is the name of a class."""
    features: bytes | None = None
    format: FeatureFormat | None = None


def read_rows(path: Path) -> Iterator[SourceRow]:
    """Yield the rows of one file, in order.

    Raises:
        CorpusError: the file cannot be read, its format is unknown, or a row is not as described above.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        message = f"{path.name}: unknown format; use a file that ends in {', '.join(sorted(READERS))}."
        raise CorpusError(message)
    shape: tuple[str, ...] | None = None
    try:
        for line, fields in reader(path):
            where = f"{path.name}, line {line}"
            shape = _checked_shape(fields, shape, where)
            yield _row(fields, shape, where)
    except UnicodeDecodeError as error:
        message = f"{path.name} is not UTF-8 (byte {error.start} of a block); convert it, for example with iconv."
        raise CorpusError(message) from None
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror or type(error).__name__}; check its path and permissions."
        raise CorpusError(message) from None


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(_limited_lines(file, path.name), start=1):
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if not text.strip():
                continue
            try:
                fields = json.loads(text)
            except json.JSONDecodeError as error:
                message = f"{path.name}, line {number}: not JSON ({error.msg} at column {error.colno}); correct the line."
                raise CorpusError(message) from None
            if not isinstance(fields, dict):
                message = f"{path.name}, line {number}: each line must be a JSON object."
                raise CorpusError(message)
            yield number, fields


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    csv.field_size_limit(MAX_ROW_BYTES)  # the default of 128 KiB is too small for long texts
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for fields in reader:
                if None in fields or None in fields.values():
                    message = f"{path.name}, line {reader.line_num}: not as many cells as in the header; correct the line."
                    raise CorpusError(message)
                yield reader.line_num, {name: _csv_cell(name, cell, path, reader.line_num) for name, cell in fields.items()}
        except csv.Error as error:
            message = f"{path.name}, line {reader.line_num}: not readable as CSV ({error}); correct the line."
            raise CorpusError(message) from None


def _csv_cell(name: str, cell: str, path: Path, line: int) -> object:
    if name != "perturbed_answer":
        return cell if cell or name != "paraphrased_answer" else None
    try:
        return json.loads(cell) if cell else []
    except json.JSONDecodeError:
        message = f"{path.name}, line {line}: perturbed_answer must be a JSON list of strings."
        raise CorpusError(message) from None


def _parquet(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import pyarrow as pa  # slow to load, and only Parquet needs it
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for fields in batch.to_pylist():
                    number += 1
                    yield number, fields
    except pa.ArrowException as error:
        message = f"{path.name} is not readable as Parquet ({type(error).__name__}); export it again."
        raise CorpusError(message) from None


def _npz(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    columns = _npz_arrays(path)
    features, labels = columns["x"], columns["y"].astype(str)
    for number in range(len(features)):
        fields = {"features": features[number], "label": labels[number].item()}
        fields |= {name: columns[name][number].item() for name in ("split", "text") if name in columns}
        yield number + 1, fields


def _npz_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the file's arrays after checking that they have one entry per example and that features are finite."""
    try:
        with np.load(path, allow_pickle=False) as file:  # a pickle could run arbitrary code
            columns = {name: file[name] for name in ("x", "y", "split", "text") if name in file}
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        message = f"{path.name} is not readable as NPZ ({type(error).__name__}); store plain arrays with numpy.savez."
        raise CorpusError(message) from None
    if missing := [name for name in ("x", "y") if name not in columns]:
        message = f"{path.name} has no array {missing[0]!r}; it needs x, the features, and y, the labels."
        raise CorpusError(message)
    if len({len(np.atleast_1d(column)) for column in columns.values()}) > 1:
        message = f"{path.name}: its arrays differ in length; store one entry per example in each."
        raise CorpusError(message)
    x = columns["x"]
    if x.ndim < 2 or x.dtype.kind not in "uif" or not np.isfinite(x).all():  # noqa: PLR2004  # (examples, features)
        message = f"{path.name}: x must hold finite numbers, with a row of features per example."
        raise CorpusError(message)
    return columns | {"x": x if x.dtype == np.uint8 else x.astype("<f4")}


READERS: Mapping[str, Callable[[Path], Iterator[tuple[int, Mapping[str, Any]]]]] = {
    ".jsonl": _json_lines,
    ".json": _json_lines,
    ".csv": _csv,
    ".parquet": _parquet,
    ".npz": _npz,
}


def _limited_lines(file: Any, name: str) -> Iterator[bytes]:
    number = 0
    while line := file.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            message = f"{name}, line {number}: longer than {MAX_ROW_BYTES} bytes; split it into shorter examples."
            raise CorpusError(message)
        yield line


def _checked_shape(fields: Mapping[str, Any], expected: tuple[str, ...] | None, where: str) -> tuple[str, ...]:
    shape = next((s for s in SHAPES if all(fields.get(name) is not None for name in s)), None)
    if shape is None:
        message = f"{where}: needs question and answer, or prompt and completion, or text and label, or text."
        raise CorpusError(message)
    if expected is not None and shape != expected:
        message = (
            f"{where}: has {' and '.join(shape)} where earlier rows have {' and '.join(expected)}; use one file per kind of"
            " row."
        )
        raise CorpusError(message)
    return shape


def _row(fields: Mapping[str, Any], shape: tuple[str, ...], where: str) -> SourceRow:
    split = fields.get("split") or "train"
    if split not in SPLITS:
        message = f"{where}: split must be one of {', '.join(SPLITS)}."
        raise CorpusError(message)
    if "features" in shape:
        return _feature_row(fields, split, where)
    texts = [_text(fields[name], name, where) for name in shape]
    paraphrase, perturbed = fields.get("paraphrased_answer"), fields.get("perturbed_answer") or []
    if not isinstance(perturbed, list):
        message = f"{where}: perturbed_answer must be a list of strings."
        raise CorpusError(message)
    return SourceRow(
        prompt=texts[0] if len(texts) > 1 else "",
        completion=texts[-1],
        split=split,
        paraphrased_answer=None if paraphrase is None else _text(paraphrase, "paraphrased_answer", where),
        perturbed_answer=tuple(_text(p, "perturbed_answer", where) for p in perturbed),
        labelled="label" in shape,
    )


def _feature_row(fields: Mapping[str, Any], split: str, where: str) -> SourceRow:
    features: NDArray[Any] = np.ascontiguousarray(fields["features"])
    if features.nbytes > MAX_ROW_BYTES:
        message = f"{where}: the features take more than {MAX_ROW_BYTES} bytes; make them smaller."
        raise CorpusError(message)
    about = fields.get("text") or ""
    return SourceRow(
        prompt=_text(about, "text", where) if about else "",
        completion=_text(fields["label"], "label", where),
        split=split,
        labelled=True,
        features=features.tobytes(),
        format=FeatureFormat("uint8" if features.dtype == np.uint8 else "<f4", features.shape),
    )


def _text(value: object, name: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        message = f"{where}: {name} must be text and not empty."
        raise CorpusError(message)
    if len(value.encode("utf-8", "replace")) > MAX_ROW_BYTES:
        message = f"{where}: {name} is longer than {MAX_ROW_BYTES} bytes; split it into shorter examples."
        raise CorpusError(message)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        message = f"{where}: {name} holds half a surrogate pair, which is not text; remove it."
        raise CorpusError(message) from None
    return value
