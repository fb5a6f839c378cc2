"""Reads a snapshot without holding it in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np

from compliance.formats.merkle import MerkleTree
from unlearning_jobs.engine.errors import CorpusError

from .create import example_id
from .document import Document
from .info import SnapshotInfo, parse_info

SEED_BYTES = 8

PARAPHRASED_PROMPT: Final = "paraphrased_prompt"
"""The column of the metadata with the question in other words."""
CANARY: Final = ("canary", "lethe-canary-1")
"""Column and value of the metadata that mark a canary (`engine.canaries`)."""
UNREADABLE = "The snapshot is incomplete or damaged; register the corpus again."


@dataclass(frozen=True)
class Source:
    """Where an example comes from."""

    file: str
    """Below what was given when the corpus was registered."""
    row: int
    """From 1: the line of a file of lines, else the number of the row."""
    source_id: str | None = None
    """What the source itself calls the row, by its column `id` or `url`."""


@dataclass(frozen=True)
class Example:
    """One example. Match spans are character offsets into `document`; those below the length of `text` lie in `text`.

    If it has a label, the label is its completion. If it is an array, its prompt is a text about it.
    """

    id: str
    set: str
    prompt: str
    completion: str
    paraphrased_answer: str | None = None
    perturbed_answer: tuple[str, ...] = ()
    features: bytes | None = None
    """In the snapshot's feature format; None unless the example is an array."""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What else the row holds, as text, by column: searched and shown, and never learned from."""
    source: Source | None = None
    """None in snapshots of the first format."""

    @property
    def paraphrased_prompt(self) -> str:
        """Return the question in other words; empty if the row has no such column. It is metadata, so it is searched too."""
        return self.metadata.get(PARAPHRASED_PROMPT, "")

    @property
    def document(self) -> Document:
        """Return the text, and a line for every other column: what is searched and shown."""
        return Document(self.text, self.columns)

    @property
    def columns(self) -> Mapping[str, str]:
        """Return the metadata but for what says that a row is a canary: whoever handles it is not to know that."""
        return {name: value for name, value in self.metadata.items() if (name, value) != CANARY}

    @property
    def text(self) -> str:
        """Return prompt, line break and completion; for plain text, the completion alone."""
        return f"{self.prompt}\n{self.completion}" if self.prompt else self.completion


class Snapshot:
    """A snapshot on disk. Open it with `Snapshot.open`. It may be shared between threads and processes."""

    def __init__(self, folder: Path, info: SnapshotInfo) -> None:
        self.folder, self.info = folder, info
        self._offsets = np.memmap(folder / "offsets.u64", dtype="<u8", mode="r")
        self._manifest_line = (folder / "manifest.jsonl").stat().st_size // info.examples

    @classmethod
    def open(cls, path: Path | str, digest: str | None = None) -> Self:
        """Open the snapshot in the folder `path`.

        With a `digest`, the snapshot must have that digest, and its files are checked against it.

        Raises:
            CorpusError: there is no snapshot, it is damaged, or it has another digest.
        """
        folder = Path(path)
        try:
            content = (folder / "snapshot.json").read_bytes()
        except OSError:
            message = f"There is no snapshot in the folder {folder.name}; register the corpus first."
            raise CorpusError(message) from None
        info = parse_info(folder, content)
        if digest is not None and info.digest != digest:
            message = "The snapshot is not the one that was named: its digest differs; check its path."
            raise CorpusError(message)
        try:
            snapshot = cls(folder, info)
            if digest is not None:
                snapshot.verify()
        except (OSError, ValueError, KeyError):
            raise CorpusError(UNREADABLE) from None
        return snapshot

    def __reduce__(self) -> tuple[Callable[[Path], Snapshot], tuple[Path]]:
        """Pickle the folder only: another process opens the files itself instead of receiving their content."""
        return Snapshot.open, (self.folder,)

    def __len__(self) -> int:
        return self.info.examples

    def examples(self, split: str | None = None) -> Iterator[Example]:
        """Yield the examples of one set (train, held_out, or an extra one), or all examples, in order."""
        with (self.folder / "examples.jsonl").open("rb") as file:
            for line in file:
                example = _parsed(line)
                if split is None or example.set == split:
                    yield example

    def get(self, ids: Iterable[str]) -> list[Example]:
        """Return the examples with these ids, in the given order, each checked against its line of the manifest.

        Raises:
            CorpusError: the snapshot has no example with one of the ids, or one is damaged.
        """
        with (
            (self.folder / "examples.jsonl").open("rb") as examples,
            (self.folder / "manifest.jsonl").open("rb") as manifest,
        ):
            return [self._at(examples, manifest, position) for position in map(self.position, ids)]

    def position(self, identifier: str) -> int:
        """Return the position of the example with this id.

        Raises:
            CorpusError: the snapshot has no example with this id.
        """
        position = int(identifier[1:]) if identifier[1:].isdecimal() else -1
        if not 0 <= position < len(self) or identifier != example_id(position):
            message = f"The snapshot has no example {identifier[:40]!r}; check the id."
            raise CorpusError(message)
        return position

    def manifest_digest(self, ids: Iterable[str]) -> str:
        """Return the SHA-256 of the sorted manifest lines of these examples. It identifies a set without disclosing it."""
        digest = hashlib.sha256()
        with (self.folder / "manifest.jsonl").open("rb") as file:
            for position in sorted({self.position(i) for i in ids}):
                file.seek(position * self._manifest_line)
                digest.update(file.read(self._manifest_line))
        return digest.hexdigest()

    def secret_seed(self, purpose: str) -> int:
        """Derive a 64-bit seed from the purpose and the manifest's key. It cannot be guessed without the key."""
        digest = hmac.digest(self._salt, purpose.encode(), "sha256")
        return int.from_bytes(digest[:SEED_BYTES])

    def verify(self) -> None:
        """Check every example against its manifest line, and the manifest against the Merkle root.

        Raises:
            CorpusError: something differs.
        """
        tree, offset = MerkleTree(), 0
        digest = hashlib.sha256()
        # 1. Line by line: HMAC, id and offset.
        with (
            (self.folder / "examples.jsonl").open("rb") as examples,
            (self.folder / "manifest.jsonl").open("rb") as manifest,
        ):
            for position, (line, entry) in enumerate(zip(examples, manifest, strict=True)):
                if not self._is_listed(line, entry, position) or self._offsets[position] != offset:
                    raise CorpusError(UNREADABLE)
                offset += len(line)
                digest.update(line)
                tree.add(entry.rstrip(b"\n"))
        # 2. All lines together: number, Merkle root and digest.
        described = json.loads((self.folder / "snapshot.json").read_bytes())
        computed = (tree.count, tree.root().hex(), digest.hexdigest())
        if computed != (self.info.examples, self.info.merkle_root, described["examples_sha256"]):
            raise CorpusError(UNREADABLE)

    def _at(self, examples: BinaryIO, manifest: BinaryIO, position: int) -> Example:
        examples.seek(int(self._offsets[position]))
        manifest.seek(position * self._manifest_line)
        line = examples.readline()
        if not self._is_listed(line, manifest.read(self._manifest_line), position):
            raise CorpusError(UNREADABLE)
        return _parsed(line)

    def _is_listed(self, line: bytes, entry: bytes, position: int) -> bool:
        """Return whether the line of an example is the one that its line of the manifest stands for."""
        mac = hmac.digest(self._salt, line.rstrip(b"\n"), "sha256").hex()
        try:
            return bool(json.loads(entry) == {"hmac": mac, "id": example_id(position)})
        except ValueError:
            return False

    @cached_property
    def _salt(self) -> bytes:
        return (self.folder / "salt").read_bytes()


def _parsed(line: bytes) -> Example:
    try:
        data = json.loads(line)
        return Example(
            id=data["id"],
            set=data["set"],
            prompt=data["prompt"],
            completion=data["completion"],
            paraphrased_answer=data.get("paraphrased_answer"),
            perturbed_answer=tuple(data.get("perturbed_answer", ())),
            features=base64.b64decode(data["features"]) if "features" in data else None,
            metadata=data.get("metadata", {}),
            source=Source(s["file"], s["row"], s.get("id")) if (s := data.get("source")) else None,
        )
    except (ValueError, KeyError, TypeError):
        raise CorpusError(UNREADABLE) from None
