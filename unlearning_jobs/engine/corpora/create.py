"""Making a snapshot: the folder that fixes what a corpus is.

    examples.jsonl   the examples, one canonical JSON object per line
    offsets.u64      where each of those lines begins, little-endian 64-bit integers
    manifest.jsonl   per example its id and an HMAC-SHA256 of its line; lines of one length, so the n-th is easy to find
    salt             the HMAC's 32-byte key, readable by the owner only; without it a manifest line says nothing
    snapshot.json    counts, Merkle root over the manifest's lines (RFC 6962), SHA-256 of the examples

The digest of the snapshot is the SHA-256 of `snapshot.json`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from compliance.formats.canonical import canonical_json
from compliance.formats.merkle import MerkleTree
from unlearning_jobs.engine.errors import CorpusError

from .sources import SPLITS, FeatureFormat, SourceRow, read_rows

FORMAT = "lethe-snapshot-1"
MAX_EXAMPLES = 10**8
MAX_LABELS = 10_000


@dataclass(frozen=True)
class SnapshotInfo:
    """What `snapshot.json` says, with the folder and the digest."""

    path: str
    digest: str
    merkle_root: str
    examples: int
    counts: Mapping[str, int]
    """Examples per set: train, held_out, and the extra sets."""
    labels: tuple[str, ...] = ()
    """Names of the classes, sorted, where examples have labels."""
    features: FeatureFormat | None = None
    """Where examples are arrays."""


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
            labels=tuple(data.get("labels", ())),
            features=FeatureFormat(form["dtype"], tuple(form["shape"])) if (form := data.get("features")) else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "snapshot.json is damaged; register the corpus again."
        raise CorpusError(message) from None
    if known != FORMAT:
        message = f"The snapshot has the format {known!r}; this code reads {FORMAT}."
        raise CorpusError(message)
    return info


def example_id(position: int) -> str:
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


def _labelled(sources: Sequence[Path], extra: Mapping[str, Path]) -> Iterator[tuple[str, SourceRow]]:
    """Rows with their set. An empty file is an error wherever it stands, since somebody meant it to hold something."""
    for path, name in [*((p, None) for p in sources), *((p, n) for n, p in extra.items())]:
        empty = True
        for row in read_rows(path):
            empty = False
            yield name or row.split, row
        if empty:
            message = f"{path.name} is empty; there is nothing to register."
            raise CorpusError(message)


@dataclass
class _Seen:
    """What is noted of the examples while they pass."""

    counts: Counter[str] = field(default_factory=Counter)
    labels: set[str] = field(default_factory=set)
    labelled: int = 0
    format: FeatureFormat | None = None
    distinct: set[bytes] = field(default_factory=set)
    """Digests of the first two different training examples."""

    def note(self, split: str, row: SourceRow) -> None:
        """Take one example into account.

        Raises:
            CorpusError: it is not like those before it.
        """
        if sum(self.counts.values()) and row.format != self.format:
            message = "The examples differ in the shape or type of their features; a corpus has one of both."
            raise CorpusError(message)
        self.format = row.format
        self.counts[split] += 1
        if row.labelled:
            self.labelled += 1
            self.labels.add(row.completion)
        if split == "train" and len(self.distinct) < 2:  # noqa: PLR2004  # two different ones are enough
            content = f"{row.prompt}\0{row.completion}\0".encode() + (row.features or b"")
            self.distinct.add(hashlib.sha256(content).digest())

    def check(self) -> None:
        """Refuse a corpus that nothing can be learned from.

        Raises:
            CorpusError: says which.
        """
        examples = sum(self.counts.values())
        if not self.counts["train"]:
            message = "The corpus has no training examples: its files are empty, or every row is held out."
            raise CorpusError(message)
        if len(self.distinct) < 2 and self.counts["train"] > 1:  # noqa: PLR2004  # two different ones are enough
            message = "All training examples of the corpus are the same; check how it was exported."
            raise CorpusError(message)
        if examples > MAX_EXAMPLES:
            message = f"The corpus has more than {MAX_EXAMPLES} examples; register it in parts."
            raise CorpusError(message)
        if self.labelled not in (0, examples):
            message = "Some examples have labels and some have none; register them as two corpora."
            raise CorpusError(message)
        if self.labelled and not 2 <= len(self.labels) <= MAX_LABELS:  # noqa: PLR2004  # one class is nothing to tell apart
            message = f"The labels name {len(self.labels)} classes; there must be at least 2 and at most {MAX_LABELS}."
            raise CorpusError(message)

    def describe(self) -> dict[str, object]:
        """What `snapshot.json` says about them."""
        about: dict[str, object] = {"examples": sum(self.counts.values()), "counts": dict(self.counts)}
        if self.labels:
            about["labels"] = sorted(self.labels)
        if self.format:
            about["features"] = asdict(self.format)
        return about


def _write(rows: Iterator[tuple[str, SourceRow]], folder: Path, salt: bytes) -> bytes:
    digest, tree, seen = hashlib.sha256(), MerkleTree(), _Seen()
    with (
        (folder / "examples.jsonl").open("xb") as examples,
        (folder / "manifest.jsonl").open("xb") as manifest,
        (folder / "offsets.u64").open("xb") as offsets,
    ):
        for position, (split, row) in enumerate(rows):
            line = canonical_json({"id": example_id(position), "set": split, **_fields(row)})
            offsets.write(examples.tell().to_bytes(8, "little"))
            examples.write(line + b"\n")
            digest.update(line + b"\n")
            entry = canonical_json({"hmac": hmac.digest(salt, line, "sha256").hex(), "id": example_id(position)})
            manifest.write(entry + b"\n")
            tree.add(entry)
            seen.note(split, row)
    seen.check()
    with os.fdopen(os.open(folder / "salt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(salt)
    description = {
        "format": FORMAT,
        **seen.describe(),
        "examples_sha256": digest.hexdigest(),
        "merkle_root": tree.root().hex(),
    }
    content = canonical_json(description) + b"\n"
    (folder / "snapshot.json").write_bytes(content)
    return content


def _fields(row: SourceRow) -> dict[str, object]:
    fields: dict[str, object] = {"prompt": row.prompt, "completion": row.completion}
    if row.paraphrased_answer is not None:
        fields["paraphrased_answer"] = row.paraphrased_answer
    if row.perturbed_answer:
        fields["perturbed_answer"] = row.perturbed_answer
    if row.features is not None:
        fields["features"] = base64.b64encode(row.features).decode()
    return fields
