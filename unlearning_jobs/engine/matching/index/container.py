"""An index is a folder: `index.json`, written last, and a folder for each part.

`index.json` names the snapshot by its digest, and every file with its SHA-256. What was built halfway is not in the place of
an index, and is continued with the parts that were finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching.query import Query

from .part import Callback, IndexPart
from .passages import PassagesPart
from .words import WordsPart

FORMAT: Final = "lethe-index/1"
DAMAGED: Final = "The index is incomplete or damaged; build it again."
OTHER_SNAPSHOT: Final = "The index is of another snapshot; build one of this."
PARTS: Final[Mapping[str, IndexPart]] = {part.name: part for part in (PassagesPart(), WordsPart())}


class SnapshotIndex:
    """An index on disk. Open it with `SnapshotIndex.open`, build it with `index_build`."""

    def __init__(self, folder: Path, snapshot: Snapshot, digest: str) -> None:
        self.folder, self.digest = folder, digest
        """The digest of `index.json`: it tells this index from every other."""
        self._snapshot = snapshot

    @classmethod
    def open(cls, folder: Path, snapshot: Snapshot, *, verify: bool = True) -> Self:
        """Open the index in the folder. With `verify`, read all of its files and compare their digests.

        Raises:
            CorpusError: there is no index, it is damaged, of another snapshot, or was built by another version.
        """
        try:
            content = (folder / "index.json").read_bytes()
        except OSError:
            message = "There is no index of this snapshot; build one."
            raise CorpusError(message, code="no_index") from None
        described = _described(content)
        if described["snapshot"] != snapshot.info.digest:
            raise CorpusError(OTHER_SNAPSHOT, code="index_of_another_snapshot")
        if {name: part["version"] for name, part in described["parts"].items()} != {
            name: part.version for name, part in PARTS.items()
        }:
            message = "The index was built by another version; build it again."
            raise CorpusError(message, code="index_of_another_version")
        for name, part in described["parts"].items():
            if verify and _digests(folder / name) != part["files"]:
                raise CorpusError(DAMAGED, code="index_damaged")
        return cls(folder, snapshot, hashlib.sha256(content).hexdigest())

    def check(self, snapshot: Snapshot) -> None:
        """Raise CorpusError unless the index is of this snapshot."""
        if snapshot.info.digest != self._snapshot.info.digest:
            raise CorpusError(OTHER_SNAPSHOT, code="index_of_another_snapshot")

    def narrows(self, query: Query) -> bool:
        """Return whether the index can name the examples that the query may match."""
        return any(part.narrows(query) for part in PARTS.values())

    def candidates(self, queries: Sequence[Query]) -> Mapping[str, set[str]]:
        """Return the ids of the examples that have to be read, each with the queries that it has to be read for."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, part in PARTS.items():
            answered = [query for query in queries if part.narrows(query)]
            for query, example in part.candidates(self._snapshot, self.folder / name, answered) if answered else ():
                found[example].add(query)
        return found


def index_build(
    snapshot: Snapshot,
    folder: Path,
    *,
    previous: Path | None = None,
    on_progress: Callback = lambda _done, _total: None,
) -> SnapshotIndex:
    """Build the index of the snapshot in the folder, unless it is there already. Progress counts examples in each part.

    `previous` is an index of an earlier snapshot of the same corpus. It is built upon if this snapshot begins with the same
    examples. A build that was interrupted goes on with the parts that it had finished.

    Raises:
        CorpusError: the snapshot cannot be read, or another process builds the same index.
    """
    with _alone(folder):
        try:
            return SnapshotIndex.open(folder, snapshot)
        except CorpusError:
            shutil.rmtree(folder, ignore_errors=True)
        building = folder.with_name(f"{folder.name}.building")
        if _read(building / "for.json") != {"snapshot": snapshot.info.digest}:
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            _write(building / "for.json", {"snapshot": snapshot.info.digest})
        earlier = _usable(previous, snapshot)
        parts = {
            name: _part(part, snapshot, building, earlier, _share(on_progress, place))
            for place, (name, part) in enumerate(PARTS.items())
        }
        described = {
            "format": FORMAT,
            "snapshot": snapshot.info.digest,
            "examples": len(snapshot),
            "texts_sha256": _texts_digest(snapshot, len(snapshot)),
            "parts": parts,
        }
        (building / "for.json").unlink()
        for note in building.glob("*.json"):
            note.unlink()
        _write(building / "index.json", described)
        building.replace(folder)
    return SnapshotIndex.open(folder, snapshot, verify=False)


def _share(on_progress: Callback, place: int) -> Callback:
    """Report the progress of one part as that of the whole index: each part reads every example once."""
    return lambda done, total: on_progress(place * total + done, len(PARTS) * total)


def _part(
    part: IndexPart, snapshot: Snapshot, building: Path, earlier: Mapping[str, Path], on_progress: Callback
) -> dict[str, Any]:
    """Build one part, unless an interrupted build has finished it."""
    target, note = building / part.name, building / f"{part.name}.json"
    finished = _read(note)
    if finished and finished["version"] == part.version and finished["files"] == _digests(target):
        return finished
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    part.build(snapshot, target, previous=earlier.get(part.name), on_progress=on_progress)
    finished = {"version": part.version, "files": _digests(target)}
    _write(note, finished)
    return finished


def _usable(previous: Path | None, snapshot: Snapshot) -> dict[str, Path]:
    """Return the parts of an earlier index on which the new one can be built."""
    described = _read(previous / "index.json") if previous else None
    if previous is None or not described or described.get("format") != FORMAT:
        return {}
    count = described["examples"]
    if count > len(snapshot) or _texts_digest(snapshot, count) != described["texts_sha256"]:
        return {}
    return {
        name: previous / name
        for name, part in described["parts"].items()
        if name in PARTS and part["version"] == PARTS[name].version and _digests(previous / name) == part["files"]
    }


def _texts_digest(snapshot: Snapshot, count: int) -> str:
    digest = hashlib.sha256()
    for example in islice(snapshot.examples(), count):
        text = example.document.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8) + text)
    return digest.hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {}
    for path in files:
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _described(content: bytes) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(content)
        if described["format"] != FORMAT or not isinstance(described["parts"], dict) or not described["snapshot"]:
            raise CorpusError(DAMAGED, code="index_damaged")
    except (ValueError, KeyError, TypeError):
        raise CorpusError(DAMAGED, code="index_damaged") from None
    return described


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write the file as a whole, or not at all."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w") as file:
        json.dump(content, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of this index, which ends with the process."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "Another process builds this index; wait for it."
            raise CorpusError(message) from None
        yield
