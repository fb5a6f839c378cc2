"""Reads NPZ files row by row. Nothing in them is unpickled: a pickle could run any code."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import Row, SourceFile, unreadable

BLOCK_BYTES: Final = 1 << 20
NEEDED: Final = {"x": "features", "y": "label"}
WORKS = "store plain arrays with numpy.savez, examples first."


class _Member:
    """One array of the archive, read a few rows at a time."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        self.shape, self.is_fortran, self.dtype = read(stream)
        self.name, self._stream = name, stream
        self.row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])

    def take(self, rows: int) -> NDArray[Any]:
        """Return the next rows.

        Raises:
            EOFError: the array is shorter than it says.
        """
        content = self._stream.read(rows * self.row_bytes)
        if len(content) < rows * self.row_bytes:
            raise EOFError
        return np.frombuffer(content, dtype=self.dtype).reshape(rows, *self.shape[1:])


def npz(file: SourceFile, options: ReadOptions) -> Iterator[Row]:  # noqa: ARG001  # a reader's signature
    """Yield the rows of the arrays; `x` are the features, `y` the labels, and every other array is a column."""
    try:
        with file.open() as content, zipfile.ZipFile(content) as archive, ExitStack() as stack:
            members = [
                _Member(name.removesuffix(".npy"), stack.enter_context(archive.open(name))) for name in archive.namelist()
            ]
            yield from _rows(file, members)
    except (ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]  # zipfile imports zlib
        raise unreadable(file, f"not readable as NPZ ({type(error).__name__}); {WORKS}") from None


def _rows(file: SourceFile, members: list[_Member]) -> Iterator[Row]:
    _check(file, members)
    count = members[0].shape[0]
    step = max(1, BLOCK_BYTES // max(sum(member.row_bytes for member in members), 1))
    for start in range(0, count, step):
        columns = {NEEDED.get(m.name, m.name): m.take(min(step, count - start)) for m in members}
        columns["features"] = _features(file, columns["features"])
        if columns["label"].dtype.kind in "biuSU":  # rows of numbers with a point say whether they name a class
            columns["label"] = columns["label"].astype(str)
        for place in range(min(step, count - start)):
            fields = {name: values[place] for name, values in columns.items()}
            features = fields.pop("features")
            yield 1 + start + place, {"features": features} | {name: value.tolist() for name, value in fields.items()}


def _features(file: SourceFile, x: NDArray[Any]) -> NDArray[Any]:
    """Return features as they are stored: bytes as they are, other numbers in single precision.

    Raises:
        CorpusError: a number is none, or has no place in single precision.
    """
    if not np.isfinite(x).all():
        raise unreadable(file, "x must hold finite numbers.")
    if x.dtype == np.uint8:
        return x
    with np.errstate(over="ignore", under="ignore"):  # looked for below
        narrow = x.astype("<f4")
    if not np.isfinite(narrow).all() or (x[narrow == 0] != 0).any():
        raise unreadable(file, "x holds numbers that single precision cannot hold (beyond 3e38 or under 1e-45); scale them.")
    return narrow


def _check(file: SourceFile, members: list[_Member]) -> None:
    by_name = {member.name: member for member in members}
    seen = ", ".join(sorted(by_name))
    if missing := [name for name in NEEDED if name not in by_name]:
        message = f"it has the arrays {seen}, but no array {missing[0]!r}; it needs x, the features, and y, the labels."
        raise unreadable(file, message)
    if len({NEEDED.get(member.name, member.name) for member in members}) < len(members):
        message = f"two of its arrays ({seen}) have one name (x are the features, y the label); give each a name of its own."
        raise unreadable(file, message)
    if any(member.dtype.hasobject for member in members):
        raise unreadable(file, f"an array holds Python objects, which are never unpickled; {WORKS}")
    if len({member.shape[:1] or None for member in members}) > 1 or not by_name["x"].shape:
        raise unreadable(file, f"its arrays ({seen}) differ in length; store one entry per example in each.")
    x = by_name["x"]
    if len(x.shape) < 2 or x.dtype.kind not in "uif":  # noqa: PLR2004  # (examples, features)
        raise unreadable(file, "x must hold finite numbers, with a row of features per example.")
    if any(member.is_fortran and len(member.shape) > 1 for member in members):
        raise unreadable(file, "an array lies in Fortran order; store numpy.ascontiguousarray of it.")


def npy(file: SourceFile, options: ReadOptions) -> Iterator[Row]:  # noqa: ARG001  # a reader's signature
    """Refuse a single array.

    Raises:
        CorpusError: always.
    """
    raise unreadable(file, "a single array has no labels; store x, the features, and y, the labels, with numpy.savez.")
