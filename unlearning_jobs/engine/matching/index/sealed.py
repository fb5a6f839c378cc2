"""Seals the folder of a part: `part.json`, written last, names its snapshot and the SHA-256 of each file, and is checked."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.errors import EngineError

SEAL: Final = "part.json"
LOCK: Final = ".lock"
UNFINISHED: Final = "A part of the index is unfinished or damaged; build the index again."


class PartError(EngineError):
    """The folder of a part is damaged, or of something else than what is searched."""

    code = "bad_index"


@contextmanager
def building(folder: Path) -> Iterator[None]:
    """Make the folder and hold it, so that no two processes write to it. A process that dies lets go.

    Raises:
        PartError: another process builds here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "Another process builds this part of the index."
            raise PartError(message) from None
        yield


def seal(folder: Path, files: Iterable[str], *, part: str, snapshot: str, about: Mapping[str, Any]) -> None:
    """Write `part.json` about these files of the folder."""
    digests = {name: _sha256(folder / name) for name in files}
    draft = folder / f".{SEAL}"
    with draft.open("wb") as file:
        file.write(canonical_json({"part": part, "snapshot": snapshot, "files": digests, "about": dict(about)}))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / SEAL)


def unseal(folder: Path, *, part: str, snapshot: str | None, verify: bool = True) -> dict[str, Any]:
    """Return what the part says about itself. With `verify`, read and check every file. Without a snapshot, any will do.

    Raises:
        PartError: the part is unfinished or damaged, or belongs to another snapshot or another version of the part.
    """
    try:
        sealed = json.loads((folder / SEAL).read_bytes())
        files, about = sealed["files"], sealed["about"]
        changed = verify and any(_sha256(folder / name) != digest for name, digest in files.items())
        made_by, made_for = sealed["part"], sealed["snapshot"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise PartError(UNFINISHED) from None
    if changed or made_by != part or not isinstance(about, dict):
        message = "A part of the index has other files than those that were built; build the index again."
        raise PartError(message)
    if snapshot is not None and made_for != snapshot:
        message = "The part of the index was built for another snapshot; build the index again."
        raise PartError(message, code="index_of_another_snapshot")
    return about


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
