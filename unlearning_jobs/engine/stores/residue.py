"""Reads every place of a store back, byte by byte, and says in how many something is left of what was deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from compliance.formats.canonical import canonical_json

from .scanning import Counting, Scanner
from .store import Place, StoreError
from .unpacking import Unpacking


@dataclass(frozen=True)
class PlaceRead:
    """What was found in one place."""

    name: str
    kind: str
    bytes: int
    sha256: str
    texts: int
    vectors: int
    unpacked: bool
    """What is packed in it was looked into, or nothing is."""
    unreadable: bool = False

    @property
    def clean(self) -> bool:
        return not (self.texts or self.vectors or self.unreadable or not self.unpacked)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_back(places: Iterable[Place], scanner: Scanner) -> list[PlaceRead]:
    """Look for needles in every place. A place that cannot be read is said to be unreadable, and nothing is raised."""
    return [_read(place, scanner) for place in places]


def _read(place: Place, scanner: Scanner) -> PlaceRead:
    digest, counting, inside = hashlib.sha256(), scanner.begin(), list[Counting]()

    def begin() -> Counting:
        inside.append(scanner.begin())
        return inside[-1]

    packed = Unpacking(begin)
    try:
        for chunk in place.read():
            digest.update(chunk)
            counting.add(chunk)
            packed.add(chunk)
    except (OSError, StoreError):
        return PlaceRead(place.name, place.kind, 0, "", 0, 0, unpacked=False, unreadable=True)
    packed.end()
    hits = sum((one.end() for one in inside), start=counting.end())
    sha256 = digest.hexdigest()
    return PlaceRead(place.name, place.kind, counting.size, sha256, hits.texts, hits.vectors, unpacked=packed.whole)


def bytes_digest(places: Iterable[Place]) -> str:
    """Return a digest of the bytes of all places, by `index_digest`."""
    return index_digest((place.name, _sha256(place)) for place in places)


def index_digest(places: Iterable[tuple[str, str]]) -> str:
    """Return a digest of places, given with the SHA-256 of their bytes; of one that cannot be read, with nothing."""
    return hashlib.sha256(canonical_json(sorted(places))).hexdigest()


def _sha256(place: Place) -> str:
    digest = hashlib.sha256()
    try:
        for chunk in place.read():
            digest.update(chunk)
    except (OSError, StoreError):
        return ""
    return digest.hexdigest()
