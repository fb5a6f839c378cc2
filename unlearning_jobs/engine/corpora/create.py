"""Making a snapshot: the folder that fixes what a corpus is.

    examples.jsonl   the examples, one canonical JSON object per line
    offsets.u64      where each of those lines begins, little-endian 64-bit integers
    manifest.jsonl   per example its id and an HMAC-SHA256 of its line; lines of one length, so the n-th is easy to find
    salt             the HMAC's 32-byte key, readable by the owner only; without it a manifest line says nothing
    snapshot.json    counts, Merkle root over the manifest's lines (RFC 6962), SHA-256 of the examples

The digest of the snapshot is the SHA-256 of `snapshot.json`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.json_contract import canonical_json

from .merkle import MerkleTree
from .sources import SPLITS, Row, read_rows

FORMAT = "lethe-snapshot-1"
MAX_EXAMPLES = 10**8


@dataclass(frozen=True)
class SnapshotInfo:
    """What `snapshot.json` says, with the folder and the digest."""

    path: str
    digest: str
    merkle_root: str
    examples: int
    counts: Mapping[str, int]
    """Examples per set: train, held_out, and the extra sets."""


def snapshot_create(
    sources: Sequence[Path], out: Path, *, sets: Mapping[str, Path] | None = None, salt: bytes | None = None
) -> SnapshotInfo:
    """Read the sources and write the snapshot to the folder `out`, all of it or nothing.

    Args:
        sources: files of training and held-out examples.
        out: folder to make; it must not exist.
        sets: further files by set name, such as real_authors; no model is ever trained on them.
        salt: key of the manifest; random when none is given.

    Raises:
        CorpusError: a source is unreadable, empty, or holds one example over and over; or `out` exists.
    """
    extra = dict(sets or {})
    _check_names(extra, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        content = _write(_labelled(sources, extra), draft, salt or secrets.token_bytes(32))
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return describe(out, content)


def describe(path: Path, content: bytes) -> SnapshotInfo:
    """The info in the bytes of a `snapshot.json`.

    Raises:
        CorpusError: they are not a description of a snapshot.
    """
    try:
        data = json.loads(content)
        known = data.pop("format")
        info = SnapshotInfo(
            path=str(path),
            digest=hashlib.sha256(content).hexdigest(),
            merkle_root=data["merkle_root"],
            examples=data["examples"],
            counts=data["counts"],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "snapshot.json is damaged; register the corpus again."
        raise CorpusError(message) from None
    if known != FORMAT:
        message = f"The snapshot has the format {known!r}; this code reads {FORMAT}."
        raise CorpusError(message)
    return info


def record_id(position: int) -> str:
    """The id of the n-th example; it comes from the position alone, never from what the example says."""
    return f"e{position:08d}"


def _check_names(extra: Mapping[str, Path], out: Path) -> None:
    for name in extra:
        if name in (*SPLITS, "forget", "retain") or not name.isidentifier():
            message = f"{name!r} cannot name a set; use letters, digits and underscores, and none of the built-in names."
            raise CorpusError(message)
    if out.exists():
        message = f"{out.name} exists already; a snapshot is never changed."
        raise CorpusError(message)


def _labelled(sources: Sequence[Path], extra: Mapping[str, Path]) -> Iterator[tuple[str, Row]]:
    """Rows with their set. An empty file is an error wherever it stands, since somebody meant it to hold something."""
    for path, name in [*((p, None) for p in sources), *((p, n) for n, p in extra.items())]:
        empty = True
        for row in read_rows(path):
            empty = False
            yield name or row.split, row
        if empty:
            message = f"{path.name} is empty; there is nothing to register."
            raise CorpusError(message)


def _write(rows: Iterator[tuple[str, Row]], folder: Path, salt: bytes) -> bytes:
    digest, tree, counts, distinct = hashlib.sha256(), MerkleTree(), Counter[str](), set[bytes]()
    with (
        (folder / "examples.jsonl").open("xb") as examples,
        (folder / "manifest.jsonl").open("xb") as manifest,
        (folder / "offsets.u64").open("xb") as offsets,
    ):
        for position, (split, row) in enumerate(rows):
            line = canonical_json({"id": record_id(position), "set": split, **_fields(row)})
            offsets.write(examples.tell().to_bytes(8, "little"))
            examples.write(line + b"\n")
            digest.update(line + b"\n")
            entry = canonical_json({"hmac": hmac.digest(salt, line, "sha256").hex(), "id": record_id(position)})
            manifest.write(entry + b"\n")
            tree.add(entry)
            if split == "train" and len(distinct) < 2:  # noqa: PLR2004  # two different ones are enough
                distinct.add(hashlib.sha256(f"{row.prompt}\0{row.completion}".encode()).digest())
            counts[split] += 1
    _check_counts(counts, len(distinct))
    with os.fdopen(os.open(folder / "salt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(salt)
    description = {
        "format": FORMAT,
        "examples": sum(counts.values()),
        "counts": dict(counts),
        "examples_sha256": digest.hexdigest(),
        "merkle_root": tree.root().hex(),
    }
    content = canonical_json(description) + b"\n"
    (folder / "snapshot.json").write_bytes(content)
    return content


def _fields(row: Row) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name != "split" and value not in (None, ())}


def _check_counts(counts: Counter[str], distinct: int) -> None:
    if not counts["train"]:
        message = "The corpus has no training examples: its files are empty, or every row is held out."
        raise CorpusError(message)
    if distinct < 2 and counts["train"] > 1:  # noqa: PLR2004  # two different ones are enough
        message = "All training examples of the corpus are the same; check how it was exported."
        raise CorpusError(message)
    if sum(counts.values()) > MAX_EXAMPLES:
        message = f"The corpus has more than {MAX_EXAMPLES} examples; register it in parts."
        raise CorpusError(message)
