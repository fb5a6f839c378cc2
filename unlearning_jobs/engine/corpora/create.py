"""Creates a snapshot: a folder that fixes the content of a corpus.

    examples.jsonl   the examples, one canonical JSON object per line
    offsets.u64      where each of those lines begins, as little-endian 64-bit integers
    manifest.jsonl   id and HMAC-SHA256 of the line of each example; all lines have the same length, to find the n-th fast
    salt             the HMAC's 32-byte key, readable by the owner only; without it a manifest line reveals nothing
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


def snapshot_create(
    sources: Sequence[Path], out: Path, *, sets: Mapping[str, Path] | None = None, salt: bytes | None = None
) -> SnapshotInfo:
    """Read the sources and write the snapshot to the folder `out`, completely or not at all.

    Args:
        sources: files with training and held-out examples.
        out: folder to create; it must not exist.
        sets: further files by set name, such as real_authors; no model is ever trained on them.
        salt: key of the manifest; random by default.

    Raises:
        CorpusError: a source is unreadable or empty, the examples are unsuitable, or `out` exists.
    """
    # 1. Refuse what is known to be wrong before reading.
    extra = dict(sets or {})
    _check_names(extra, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # 2. Write to a draft folder next to `out`, then rename it: nobody ever sees an incomplete snapshot.
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        content = _write(_labelled(sources, extra), draft, salt or secrets.token_bytes(32))
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return parse_info(out, content)


def parse_info(path: Path, content: bytes) -> SnapshotInfo:
    """Parse the content of a `snapshot.json`; `path` is the snapshot's folder.

    Raises:
        CorpusError: it does not describe a snapshot, or its format is unknown.
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
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "snapshot.json is damaged; register the corpus again."
        raise CorpusError(message) from None
    if version != FORMAT:
        message = f"The snapshot has the format {version!r}, but only {FORMAT} can be read; register the corpus again."
        raise CorpusError(message)
    return info


def example_id(position: int) -> str:
    """Return the id of the n-th example. It depends on the position alone, never on the content."""
    return f"e{position:08d}"


def _check_names(extra: Mapping[str, Path], out: Path) -> None:
    for name in extra:
        if name in (*SPLITS, "forget", "retain") or not name.isidentifier():
            message = f"{name!r} cannot name a set; use letters, digits and underscores, and none of the built-in names."
            raise CorpusError(message)
    if out.exists():
        message = f"{out.name} exists already, and a snapshot is never changed; choose another name."
        raise CorpusError(message)


def _labelled(sources: Sequence[Path], extra: Mapping[str, Path]) -> Iterator[tuple[str, SourceRow]]:
    """Yield rows with the names of their sets. An empty file is an error, because it was meant to hold something."""
    for path, name in [*((p, None) for p in sources), *((p, n) for n, p in extra.items())]:
        empty = True
        for row in read_rows(path):
            empty = False
            yield name or row.split, row
        if empty:
            message = f"{path.name} is empty; there is nothing to register."
            raise CorpusError(message)


@dataclass
class _Summary:
    """A summary of the examples, collected while they are written."""

    counts: Counter[str] = field(default_factory=Counter)
    labels: set[str] = field(default_factory=set)
    labelled: int = 0
    format: FeatureFormat | None = None
    distinct: set[bytes] = field(default_factory=set)
    """Digests of the first two different training examples."""

    def add(self, split: str, row: SourceRow) -> None:
        """Add one example.

        Raises:
            CorpusError: its features differ in format from those before it.
        """
        if sum(self.counts.values()) and row.format != self.format:
            message = "The examples differ in the shape or type of their features; register them as separate corpora."
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
        """Refuse a corpus that no model could be trained on.

        Raises:
            CorpusError: the message says why and what to do.
        """
        examples = sum(self.counts.values())
        if not self.counts["train"]:
            message = "The corpus has no training examples; mark at least one row as train."
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
        if self.labelled and not 2 <= len(self.labels) <= MAX_LABELS:  # noqa: PLR2004  # a single class leaves nothing to classify
            message = f"The labels name {len(self.labels)} classes; use between 2 and {MAX_LABELS} classes."
            raise CorpusError(message)

    def describe(self) -> dict[str, object]:
        """Return the part of `snapshot.json` that describes the examples."""
        about: dict[str, object] = {"examples": sum(self.counts.values()), "counts": dict(self.counts)}
        if self.labels:
            about["labels"] = sorted(self.labels)
        if self.format:
            about["features"] = asdict(self.format)
        return about


def _write(rows: Iterator[tuple[str, SourceRow]], folder: Path, salt: bytes) -> bytes:
    """Write all files of a snapshot and return the content of `snapshot.json`."""
    # 1. One pass over the rows, which may not fit in memory.
    digest, tree, summary = hashlib.sha256(), MerkleTree(), _Summary()
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
            summary.add(split, row)
    # 2. Some problems show only at the end, such as labels that some examples have and others lack.
    summary.check()
    # 3. The key, with its permissions set before anything is in it.
    with os.fdopen(os.open(folder / "salt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(salt)
    # 4. The description, whose digest is the snapshot's.
    description = {
        "format": FORMAT,
        **summary.describe(),
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
