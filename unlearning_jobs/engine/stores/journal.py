"""Keeps which steps of an erasure are done, so that it goes on where it was killed, and does nothing that was not approved.

    OUT/journal.json   the salt of this job's digests, and for each step that was done what it found and how long it took
    OUT/sought.jsonl   the documents that are to go: what is looked for. Overwritten and removed when the job has passed
    OUT/result.json    the outcome, without personal data

The folder is its owner's alone.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from compliance.formats.canonical import canonical_json

from .files import shred
from .spec import StoreSpec
from .store import Document, StoreError

FORMAT: Final = "lethe-store-erasure-1"
SLOWLY: Final = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}
STEPS: Final = ("find", "list", "delete", "rebuild", "compare", "read_back", "ask_again", "closed_book")
"""In this order. Until `delete` begins, nothing has changed."""


class Journal:
    """The steps of one erasure. Open it with `journal_opened`; one process at a time has it."""

    def __init__(self, out: Path, content: dict[str, Any]) -> None:
        self.out, self._content = out, content

    @property
    def salt(self) -> bytes:
        return bytes.fromhex(self._content["salt"])

    def facts(self, step: str) -> dict[str, Any] | None:
        """Return what a step found; None if it is not done."""
        entry = self._content["steps"].get(step)
        return entry["facts"] if entry and entry["done"] else None

    def begun(self, step: str) -> bool:
        """Say whether a step has begun, be it done or not."""
        return step in self._content["steps"]

    def seconds(self) -> dict[str, float]:
        """Return how long each step took."""
        return {step: entry["seconds"] for step, entry in self._content["steps"].items()}

    def do(self, step: str, work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Do a step and note what it found. That it has begun is on the disk before it begins."""
        self._content["steps"][step] = {"done": False, "seconds": 0.0, "facts": {}}
        self._write()
        begin = time.monotonic()
        facts = dict(work())
        self._content["steps"][step] = {"done": True, "seconds": round(time.monotonic() - begin, 3), "facts": facts}
        self._write()
        return facts

    def forget(self, *steps: str) -> None:
        """Have steps done again."""
        for step in steps:
            self._content["steps"].pop(step, None)
        self._write()

    def keep_sought(self, documents: Iterable[Document], how: Mapping[str, str]) -> None:
        """Keep the documents that are to go, each with the way that found it first (`how`, by key)."""
        lines = [json.dumps(_stored(document) | {"how": how[document.key]}).encode() + b"\n" for document in documents]
        _write_whole(self.out / "sought.jsonl", b"".join(lines))

    def sought(self) -> list[Document]:
        """Return the documents that are looked for; none if the job has passed."""
        try:
            lines = (self.out / "sought.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [_document(json.loads(line)) for line in lines]

    def drop_sought(self) -> None:
        shred(self.out / "sought.jsonl")

    def write_result(self, result: Mapping[str, Any]) -> None:
        _write_whole(self.out / "result.json", json.dumps(result, indent=2).encode() + b"\n")

    def result(self) -> dict[str, Any] | None:
        """Return the result that was written; None if there is none."""
        try:
            stored: dict[str, Any] = json.loads((self.out / "result.json").read_bytes())
        except (OSError, ValueError):
            return None
        return stored

    def _write(self) -> None:
        _write_whole(self.out / "journal.json", canonical_json(self._content) + b"\n")


def facts_of(out: Path, step: str) -> dict[str, Any] | None:
    """Return what a step of the job in a folder found, without opening the job; None if it has not begun."""
    try:
        entry = json.loads((out / "journal.json").read_bytes())["steps"].get(step)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(entry["facts"]) if entry else None


def listed_in(out: Path) -> list[dict[str, Any]]:
    """Return the documents on the list of the job in a folder: `key`, `text` and `how` each was found first."""
    try:
        lines = (out / "sought.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [{name: value for name, value in json.loads(line).items() if name in {"key", "text", "how"}} for line in lines]


@contextmanager
def journal_opened(out: Path, spec: StoreSpec) -> Iterator[Journal]:
    """Begin the journal of an erasure, or go on with it.

    Raises:
        StoreError: another process has it, it is of another spec, or the folder lies in the store.
    """
    if any(out.resolve().is_relative_to(inside.resolve()) for inside in _read_folders(spec)):
        message = "The folder of the job would be read back with the store; name another one."
        raise StoreError(message, code="bad_job")
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (out / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"Another process works on the job in {out.name}."
            raise StoreError(message, code="locked") from None
        yield Journal(out, _content(out, spec))


def _read_folders(spec: StoreSpec) -> list[Path]:
    return [*spec.caches, *([Path(spec.settings["path"])] if "path" in spec.settings else [])]


def _content(out: Path, spec: StoreSpec) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads((out / "journal.json").read_bytes())
        same = stored["format"] == FORMAT and stored["spec"] == _spec_digest(spec, bytes.fromhex(stored["salt"]))
    except FileNotFoundError:
        salt = secrets.token_bytes(32)
        return {"format": FORMAT, "salt": salt.hex(), "spec": _spec_digest(spec, salt), "steps": {}}
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        message = f"{out.name} holds the job of another spec, or is damaged; name another folder."
        raise StoreError(message, code="bad_job")
    return stored


def _spec_digest(spec: StoreSpec, salt: bytes) -> str:
    """Return what tells one spec from others, and takes long to compute: names are quickly guessed."""
    described = json.dumps(asdict(spec), sort_keys=True, default=str).encode()
    return hashlib.scrypt(described, salt=salt, **SLOWLY).hex()


def _write_whole(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _stored(document: Document) -> dict[str, Any]:
    vector = document.vector
    packed = None if vector is None else base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return {"key": document.key, "text": document.text, "vector": packed, "fields": _plain(document.fields)}


def _plain(fields: Mapping[str, object]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(fields), default=str))
    return plain


def _document(stored: Mapping[str, Any]) -> Document:
    packed = stored["vector"]
    vector = None if packed is None else np.frombuffer(base64.b64decode(packed), dtype="<f4")
    return Document(stored["key"], stored["text"], vector, stored["fields"])
