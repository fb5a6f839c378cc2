"""Creates a snapshot: a folder that fixes the content of a corpus.

    examples.jsonl   the examples, one canonical JSON object per line, with their metadata and where each comes from
    offsets.u64      where each of those lines begins, as little-endian 64-bit integers
    manifest.jsonl   id and HMAC-SHA256 of the line of each example; all lines have the same length, to find the n-th fast
    salt             the HMAC's 32-byte key, readable by the owner only; without it a manifest line reveals nothing
    snapshot.json    counts, sources and how they were read, Merkle root over the manifest's lines (RFC 6962), SHA-256 of the
                     examples

The digest of the snapshot is the SHA-256 of `snapshot.json`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from compliance.formats.canonical import canonical_json
from compliance.formats.errors import FormatError
from compliance.formats.merkle import MerkleTree
from unlearning_jobs.engine.errors import CorpusError

from .info import FORMAT, SnapshotInfo, SourceInfo, describe_sources, parse_info
from .object_store import Given
from .options import ReadOptions
from .reading import ReadRow, Report, Source, plan, read_all
from .roles import shown
from .rows import FeatureFormat, SourceRow
from .set_names import SPLITS

MAX_EXAMPLES = 10**8
MAX_LABELS = 10_000
NO_SETS: Mapping[str, Given] = {}


def snapshot_create(
    sources: Sequence[Given],
    out: Path,
    *,
    sets: Mapping[str, Given] = NO_SETS,
    salt: bytes | None = None,
    options: ReadOptions | None = None,
    on_plan: Report = lambda _: None,
) -> SnapshotInfo:
    """Read the sources and write the snapshot to the folder `out`, completely or not at all.

    Args:
        sources: files, or folders of files, with training and held-out examples.
        out: folder to create; it must not exist.
        sets: further files by set name, such as real_authors; no model is ever trained on them.
        salt: key of the manifest; random by default.
        options: how to read the sources.
        on_plan: told the roles of all columns before anything is written.

    Raises:
        CorpusError: a source is unreadable or empty, the examples are unsuitable, or `out` exists.
    """
    # 1. Refuse what is known to be wrong before reading.
    if out.exists():
        message = f"{out.name} exists already, and a snapshot is never changed; choose another name."
        raise CorpusError(message)
    planned = _planned(sources, sets, options, on_plan)
    out.parent.mkdir(parents=True, exist_ok=True)
    # 2. Write to a draft folder next to `out`, then rename it: nobody ever sees an incomplete snapshot.
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        content = _write(planned, draft, salt or secrets.token_bytes(32))
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return parse_info(out, content)


@dataclass(frozen=True)
class Survey:
    """What a snapshot of the sources would hold."""

    counts: Mapping[str, int]
    sources: tuple[SourceInfo, ...]


def snapshot_survey(
    sources: Sequence[Given],
    *,
    sets: Mapping[str, Given] = NO_SETS,
    options: ReadOptions | None = None,
    on_plan: Report = lambda _: None,
) -> Survey:
    """Read the sources to their end as `snapshot_create` does, and write nothing.

    Raises:
        CorpusError: as `snapshot_create`.
    """
    planned, summary = _planned(sources, sets, options, on_plan), _Summary()
    for read in read_all(planned):
        summary.add(read)
    summary.check(planned)
    return Survey(dict(summary.counts), tuple(source.info() for source in planned))


def _planned(
    sources: Sequence[Given], sets: Mapping[str, Given], options: ReadOptions | None, on_plan: Report
) -> list[Source]:
    chosen = options or ReadOptions()
    _check_names([*sets, *(name for name in chosen.splits.values() if name not in SPLITS)])
    planned = plan(sources, sets, chosen)
    on_plan([source.info() for source in planned])
    for source in planned:
        source.check_sets()
        source.check_files()
    return planned


def example_id(position: int) -> str:
    """Return the id of the n-th example. It depends on the position alone, never on the content."""
    return f"e{position:08d}"


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name in (*SPLITS, "forget", "retain") or not name.isidentifier():
            message = f"{name!r} cannot name a set; use letters, digits and underscores, and none of the built-in names."
            raise CorpusError(message)


@dataclass
class _Summary:
    """A summary of the examples, collected while they are written."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: int = 0
    labels: set[str] = field(default_factory=set)
    labelled: int = 0
    format: FeatureFormat | None = None
    first: str = ""
    """Where the first example stands."""
    distinct: set[bytes] = field(default_factory=set)
    """Digests of the first two different training examples."""

    def add(self, read: ReadRow) -> None:
        """Add one example.

        Raises:
            CorpusError: its features differ in format from those before it, or there are too many examples or classes.
        """
        split, row, place = read.set, read.row, f"{read.file}, line {read.number}"
        if self.examples and row.format != self.format:
            message = (
                f"{place}: its features are {_layout(row.format)}, and those of {self.first} are {_layout(self.format)}:"
                " those of a corpus have one shape and type. Resize pictures with --image-size HEIGHTxWIDTH, or register"
                " them as separate corpora."
            )
            raise CorpusError(message)
        self.format, self.first = row.format, self.first or place
        self.examples += 1
        if self.examples > MAX_EXAMPLES:
            message = f"The corpus has more than {MAX_EXAMPLES} examples; register it in parts."
            raise CorpusError(message)
        self.counts[split] += 1
        if row.labelled:
            self.labelled += 1
            self.labels.add(row.completion)
            if len(self.labels) > MAX_LABELS:
                message = (
                    f"The labels name more than {MAX_LABELS} classes; use fewer, or read the column as metadata, with --role"
                    " text=COLUMN alone."
                )
                raise CorpusError(message)
        if split == "train" and len(self.distinct) < 2:  # noqa: PLR2004  # two different ones are enough
            content = f"{row.prompt}\0{row.completion}\0".encode() + (row.features or b"")
            self.distinct.add(hashlib.sha256(content).digest())

    def check(self, sources: Sequence[Source]) -> None:
        """Refuse a corpus that no model could be trained on.

        Raises:
            CorpusError: the message says why and what to do.
        """
        if not self.counts["train"]:
            found = ", ".join(sorted(self.counts)) or "none"
            message = (
                f"The corpus has no training examples (sets found: {found}); mark at least one row as train, or say what a"
                " value of the split column, a folder or a shard means with --split NAME=train."
            )
            raise CorpusError(message)
        if len(self.distinct) < 2 and self.counts["train"] > 1:  # noqa: PLR2004  # two different ones are enough
            message = "All training examples of the corpus are the same; check how it was exported."
            raise CorpusError(message)
        if self.labelled not in (0, self.examples):
            message = "Some examples have labels and some have none; register them as two corpora."
            raise CorpusError(message)
        if self.labelled and len(self.labels) < 2:  # noqa: PLR2004  # a single class leaves nothing to classify
            columns = sorted({column for source in sources for column in source.roles.columns.get("label", ())})
            message = (
                f"{', '.join(source.found.name for source in sources)}: all labels (column {', '.join(map(shown, columns))})"
                " name one class, which leaves nothing to tell apart; add examples of another class, or read texts without"
                " their labels, with --role text=COLUMN alone."
            )
            raise CorpusError(message)

    def describe(self) -> dict[str, object]:
        """Return the part of `snapshot.json` that describes the examples."""
        about: dict[str, object] = {"examples": self.examples, "counts": dict(self.counts)}
        if self.labels:
            about["labels"] = sorted(self.labels)
        if self.format:
            about["features"] = asdict(self.format)
        return about


def _layout(form: FeatureFormat | None) -> str:
    return f"{'x'.join(map(str, form.shape))} of type {form.dtype}" if form else "none"


def _write(sources: list[Source], folder: Path, salt: bytes) -> bytes:
    """Write all files of a snapshot and return the content of `snapshot.json`."""
    # 1. One pass over the rows, which may not fit in memory.
    digest, tree, summary = hashlib.sha256(), MerkleTree(), _Summary()
    with (
        (folder / "examples.jsonl").open("xb") as examples,
        (folder / "manifest.jsonl").open("xb") as manifest,
        (folder / "offsets.u64").open("xb") as offsets,
    ):
        offset = 0
        for identifier, line in _lines(sources, summary):
            offsets.write(offset.to_bytes(8, "little"))
            offset += examples.write(line + b"\n")
            digest.update(line + b"\n")
            entry = f'{{"hmac":"{hmac.digest(salt, line, "sha256").hex()}","id":"{identifier}"}}'.encode()  # canonical JSON
            manifest.write(entry + b"\n")
            tree.add(entry)
    # 2. Some problems show only at the end, such as labels that some examples have and others lack.
    summary.check(sources)
    # 3. The key, with its permissions set before anything is in it.
    with os.fdopen(os.open(folder / "salt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(salt)
    # 4. The description, whose digest is the snapshot's.
    description = {
        "format": FORMAT,
        **summary.describe(),
        "sources": describe_sources(tuple(source.info() for source in sources)),
        "examples_sha256": digest.hexdigest(),
        "merkle_root": tree.root().hex(),
    }
    content = canonical_json(description) + b"\n"
    (folder / "snapshot.json").write_bytes(content)
    return content


def _lines(sources: list[Source], summary: _Summary) -> Iterator[tuple[str, bytes]]:
    for position, read in enumerate(read_all(sources)):
        identifier = example_id(position)
        try:
            line = canonical_json({"id": identifier, "set": read.set, "source": _origin(read), **_fields(read.row)})
        except FormatError:
            message = f"{read.file}, line {read.number}: holds half a surrogate pair, which is not text; remove it."
            raise CorpusError(message) from None
        summary.add(read)
        yield identifier, line


def _origin(read: ReadRow) -> dict[str, object]:
    origin: dict[str, object] = {"file": read.file, "row": read.number}
    return origin if read.row.source_id is None else origin | {"id": read.row.source_id}


def _fields(row: SourceRow) -> dict[str, object]:
    fields: dict[str, object] = {"prompt": row.prompt, "completion": row.completion}
    if row.metadata:
        fields["metadata"] = row.metadata
    if row.paraphrased_answer is not None:
        fields["paraphrased_answer"] = row.paraphrased_answer
    if row.perturbed_answer:
        fields["perturbed_answer"] = row.perturbed_answer
    if row.features is not None:
        fields["features"] = base64.b64encode(row.features).decode()
    return fields
