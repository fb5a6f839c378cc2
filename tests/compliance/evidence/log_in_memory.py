"""A log in memory, for bundles that tests make from public functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.bundle import ProvenEntry
from compliance.evidence.checkpoints import Checkpoint, sign_note
from compliance.evidence.record import EntryBody, leaf_bytes
from compliance.formats import merkle

ORIGIN = "lethe.example/record"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Log:
    """The record in memory: entries, stored node hashes, and a clock that moves one minute per entry."""

    def __init__(self, key: Ed25519PrivateKey, origin: str = ORIGIN) -> None:
        self.key, self.origin, self.now = key, origin, START
        self.entries: list[EntryBody] = []
        self.nodes: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def append(self, subject: str, kind: str, actor: str = "system", /, **data: Any) -> EntryBody:
        self.now += timedelta(minutes=1)
        return self.place(subject, kind, actor, self.now, data)

    def place(self, subject: str, kind: str, actor: str, at: datetime, data: Mapping[str, Any]) -> EntryBody:
        number = len(self.history(subject)) + 1
        entry = EntryBody.of(subject=subject, number=number, kind=kind, at=at, actor=actor, data=data)
        leaf = merkle.leaf_hash(leaf_bytes(entry))
        for level, index, node in merkle.nodes_completed_by(len(self.entries), leaf, self.node):
            self.nodes[level, index] = node
        self.entries.append(entry)
        return entry

    def history(self, subject: str) -> list[EntryBody]:
        return [entry for entry in self.entries if entry.subject == subject]

    def proven(self, entry: EntryBody) -> ProvenEntry:
        index = self.entries.index(entry)
        return ProvenEntry.of(entry, index, merkle.inclusion_proof(index, len(self.entries), self.node))

    def checkpoint(self) -> bytes:
        size = len(self.entries)
        text = Checkpoint(self.origin, size, merkle.root(size, self.node)).to_text()
        return sign_note(text, self.origin, self.key).to_bytes()
