"""What is known of a snapshot: the content of `snapshot.json`, and of the sources that it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.errors import CorpusError

from .cells import SKIPPED, SkipReason
from .rows import FeatureFormat

FORMAT: Final = "lethe-snapshot-2"
FORMATS: Final = ("lethe-snapshot-1", FORMAT)
"""Formats that can be read. The first has neither metadata nor sources."""
MOST_PLACES: Final = 20


@dataclass(frozen=True)
class Skipped:
    """Rows that are not in the corpus, for one reason."""

    reason: SkipReason
    """One of `rows.SKIPPED`."""
    count: int
    places: tuple[str, ...]
    """File and row of the first of them; never their content."""


@dataclass(frozen=True)
class SourceInfo:
    """What was given to make a snapshot from, how it was read, and what became of its rows."""

    name: str
    kind: str
    files: int
    bytes: int
    sha256: str
    """Of the lines that `sha256sum` writes about the files, in their order."""
    shape: str
    roles: Mapping[str, tuple[str, ...]]
    """Columns by role."""
    metadata: tuple[str, ...]
    """Columns that are kept beside what a model learns from."""
    ignored: tuple[str, ...] = ()
    aside: int = 0
    """Number of files in the folder that were left aside: they describe data, are hidden, or --only does not name them."""
    rows: int = 0
    examples: int = 0
    sets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By what the source calls a set (empty where it says nothing): examples by the set that they went to."""
    skipped: tuple[Skipped, ...] = ()
    placed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of a folder, before it is read: the number of files by set, and by the folders and the name of the shards in it. A
    snapshot does not keep it."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SourceInfo:
        """Parse what `asdict` gave.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it does not describe a source, or its numbers do not add up.
        """
        skipped = tuple(Skipped(s["reason"], s["count"], tuple(s["places"])) for s in data["skipped"])
        roles = {role: tuple(columns) for role, columns in data["roles"].items()}
        lists = {name: tuple(data[name]) for name in ("metadata", "ignored")}
        info = cls(**{**data, **lists, "roles": roles, "skipped": skipped})
        in_sets = sum(count for counts in info.sets.values() for count in counts.values())
        if info.examples != in_sets or info.rows != info.examples + sum(s.count for s in skipped):
            raise ValueError(info.name)
        if any(s.reason not in SKIPPED or len(s.places) != min(s.count, MOST_PLACES) for s in skipped):
            raise ValueError(info.name)
        return info


@dataclass(frozen=True)
class SnapshotInfo:
    """The content of `snapshot.json`, with the snapshot's folder and digest."""

    path: str
    digest: str
    merkle_root: str
    examples: int
    counts: Mapping[str, int]
    """Number of examples by set: train, held_out, and the extra sets."""
    labels: tuple[str, ...] = ()
    """Sorted names of the classes; empty if the examples have no labels."""
    features: FeatureFormat | None = None
    """None unless the examples are arrays."""
    sources: tuple[SourceInfo, ...] = ()
    """Empty for a snapshot of the first format."""


def describe_sources(sources: tuple[SourceInfo, ...]) -> list[dict[str, Any]]:
    """Return the sources as they stand in `snapshot.json`."""
    described = [asdict(source) for source in sources]
    for one in described:
        one.pop("placed")
    return described


def parse_info(path: Path, content: bytes) -> SnapshotInfo:
    """Parse the content of a `snapshot.json`; `path` is the snapshot's folder.

    Raises:
        CorpusError: it does not describe a snapshot, its numbers do not add up, or its format is unknown.
    """
    try:
        data = json.loads(content)
        version = data.pop("format")
        info = SnapshotInfo(
            path=str(path),
            digest=hashlib.sha256(content).hexdigest(),
            merkle_root=data["merkle_root"],
            examples=data["examples"],
            counts=data["counts"],
            labels=tuple(data.get("labels", ())),
            features=FeatureFormat(form["dtype"], tuple(form["shape"])) if (form := data.get("features")) else None,
            sources=tuple(SourceInfo.from_json(source) for source in data.get("sources", ())),
        )
        adds_up = info.examples == sum(info.counts.values()) and (version == FORMATS[0] or info.counts == _counts(info))
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "snapshot.json is damaged; register the corpus again."
        raise CorpusError(message) from None
    if version not in FORMATS:
        known = " and ".join(FORMATS)
        message = f"The snapshot has the format {version!r}, but only {known} can be read; register the corpus again."
        raise CorpusError(message)
    if not adds_up:
        message = "The numbers in snapshot.json contradict each other; register the corpus again."
        raise CorpusError(message)
    return info


def _counts(info: SnapshotInfo) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for source in info.sources:
        for by_set in source.sets.values():
            for name, count in by_set.items():
                counts[name] = counts.get(name, 0) + count
    return counts
