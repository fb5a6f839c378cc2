"""A data set of Hugging Face's that was saved to a folder (`save_to_disk`): Arrow files, and files that describe them.

The library's own `filter` leaves the old files, and writes a cache beside them; here, the whole folder is written anew,
without caches. pyarrow reads and writes the files; the library itself is not needed.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from unlearning_jobs.engine.stores.adapters.rebuilt import BATCH, exchange_if_same, fresh
from unlearning_jobs.engine.stores.files import exchange, file_places, require_there, require_writable
from unlearning_jobs.engine.stores.store import Description, Document, Place, StoreError, Vector

SPLITS: Final = "dataset_dict.json"
STATE: Final = "state.json"
ABOUT: Final = "dataset_info.json"
COUNTED: Final = ("splits", "download_size", "dataset_size", "size_in_bytes", "download_checksums")
"""What a description says about how much there was."""


class ArrowFolderStore:
    """A data set, or several splits of one, whose rows have a key."""

    def __init__(self, path: str, key: str = "id", text: str = "text", vector: str = "") -> None:
        self._path, self._key, self._text, self._vector = require_there(Path(path)), key, text, vector
        columns = {name for folder in self._folders() for name in self._schema(folder).names}
        if not {key, text, *([vector] if vector else [])} <= columns:
            message = "The data set lacks a column that the spec names; rows need a key, by default in the column id."
            raise StoreError(message, code="wrong_path")

    def describe(self) -> Description:
        first = next(self.documents(), None)
        count = sum(len(batch) for folder in self._folders() for batch in self._batches(folder))
        dimensions = 0 if first is None or first.vector is None else len(first.vector)
        return Description(f"pyarrow {pa.__version__}", count, dimensions, searches=False)

    def documents(self) -> Iterator[Document]:
        for folder in self._folders():
            for batch in self._batches(folder):
                for start in range(0, len(batch), BATCH):
                    yield from map(self._document, batch.slice(start, BATCH).to_pylist())

    def get(self, keys: Sequence[str]) -> list[Document]:
        wanted = set(keys)
        return [document for document in self.documents() if document.key in wanted]

    def nearest(self, _vector: Vector, _most: int) -> list[str]:
        return []

    def check_writable(self) -> None:
        require_writable(self._path)

    def delete(self, keys: Collection[str]) -> None:
        gone = set(keys)
        self._write(lambda row: str(row) not in gone)
        exchange(self._path)

    def rebuild(self) -> None:
        new = self._write(lambda _: True)
        exchange_if_same(self._path, self, ArrowFolderStore(str(new), self._key, self._text, self._vector))

    def places(self) -> list[Place]:
        return file_places(self._path)

    def close(self) -> None:
        """Nothing is held: files are read whole and closed."""

    def _folders(self) -> list[Path]:
        if not (self._path / SPLITS).is_file():
            return [self._path]
        return [self._path / split for split in _json(self._path / SPLITS)["splits"]]

    def _files(self, folder: Path) -> list[str]:
        state = _json(folder / STATE)
        if state.get("_indices_data_files") or state.get("_indices_files"):
            message = "The data set was saved with a selection of rows beside it; save it again with flattened indices."
            raise StoreError(message, code="not_supported")
        try:
            return [str(Path(one["filename"]).name) for one in state["_data_files"]]
        except (KeyError, TypeError):
            raise _another_version() from None

    def _schema(self, folder: Path) -> pa.Schema:
        for name in self._files(folder):
            with pa.OSFile(str(folder / name)) as file, _stream(file) as reader:
                return reader.schema
        return pa.schema([])

    def _batches(self, folder: Path) -> Iterator[pa.RecordBatch]:
        for name in self._files(folder):
            with pa.OSFile(str(folder / name)) as file, _stream(file) as reader:
                yield from reader

    def _document(self, row: Mapping[str, Any]) -> Document:
        left = {name: value for name, value in row.items() if name not in {self._key, self._text, self._vector}}
        vector = row.get(self._vector) if self._vector else None
        numbers = None if vector is None else np.asarray(vector, dtype=np.float32)
        return Document(str(row[self._key]), str(row[self._text] or ""), numbers, left)

    def _write(self, stays: Callable[[object], bool]) -> Path:
        """Write the data set into a new folder with the rows whose key stays, and nothing that does not belong to it."""
        new = fresh(self._path)
        new.mkdir()
        if (self._path / SPLITS).is_file():
            shutil.copyfile(self._path / SPLITS, new / SPLITS)
        for folder in self._folders():
            there = new / folder.relative_to(self._path)
            there.mkdir(exist_ok=True)
            for name in self._files(folder):
                self._write_file(folder / name, there / name, stays)
            state, about = _json(folder / STATE), _json(folder / ABOUT)
            (there / STATE).write_text(
                json.dumps(state | {"_fingerprint": secrets.token_hex(8)}, indent=2), encoding="utf-8"
            )
            left = {name: value for name, value in about.items() if name not in COUNTED}
            (there / ABOUT).write_text(json.dumps(left, indent=2), encoding="utf-8")
        return new

    def _write_file(self, old: Path, new: Path, stays: Callable[[object], bool]) -> None:
        with (
            pa.OSFile(str(old)) as file,
            _stream(file) as reader,
            pa.OSFile(str(new), "wb") as out,
            pa.ipc.new_stream(out, reader.schema) as writer,
        ):
            for batch in reader:
                kept = batch.filter(pa.array([stays(key) for key in batch.column(self._key).to_pylist()]))
                writer.write_batch(kept)


def _stream(file: Any) -> Any:
    try:
        return pa.ipc.open_stream(file)
    except pa.ArrowInvalid:
        raise _another_version() from None


def _json(file: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(file.read_bytes())
    except OSError:
        message = f"The folder is no saved data set: it has no {file.name}."
        raise StoreError(message, code="wrong_path") from None
    except ValueError:
        raise _another_version() from None
    return stored


def _another_version() -> StoreError:
    message = "The data set's files are damaged, or of another version of the format."
    return StoreError(message, code="another_version")
