"""Bundles: folders with everything that is needed to verify one request's evidence offline.

    checkpoint                                     the log's head, a signed note
    record.jsonl                                   one line per entry, by index: {entry, index, proof} in canonical JSON
    trust.json                                     the keys, as published in the record
    consistency.jsonl                              earlier checkpoints, each with the proof that the log's head extends it
    attestations/<index>-<predicate>.dsse.json     one envelope per `attestation.signed` entry, named by its index
    report/<item>-<attempt>/...                    the files that each report names: result.json, spec.json, outputs/
                                                   without the answers of language models

Nothing is signed when a bundle is written. `record.jsonl` contains the request's whole history up to its seal, the entry
that published `trust.json`, one entry for each corpus snapshot and each base model that the reports name, and every entry
that says that the log was started again. Bundles without earlier checkpoints, and older ones, have no `consistency.jsonl`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from compliance.formats.canonical import canonical_json, decode_base64, encode_base64, parse_canonical, sha256_hex
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import EvidenceError, FormatError
from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import WITHHELD

from .consistency import OlderCheckpoint, older_checkpoints
from .record import EntryBody
from .statements import SHORT_NAMES

CHECKPOINT, RECORD, TRUST, CONSISTENCY = "checkpoint", "record.jsonl", "trust.json", "consistency.jsonl"
FIXED = (CHECKPOINT, RECORD, TRUST)
"""Every bundle has these."""
NAMED = (*FIXED, CONSISTENCY)
SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
ATTESTATION_NAME = re.compile(rf"attestations/[0-9]{{1,19}}-({'|'.join(SHORT_NAMES.values())})\.dsse\.json", re.ASCII)
REPORT_NAME = re.compile(rf"report(/{SEGMENT}){{2,5}}", re.ASCII)
WITHHELD_ENDINGS = tuple(f"/{name}" for name in WITHHELD)
"""What models answered may be personal: it belongs in no bundle."""

MEBIBYTE = 1 << 20
MAX_FILES = 10_000
MAX_DEPTH = 6
MAX_LINE = MEBIBYTE // 4
MAX_READ = 64 * MEBIBYTE
"""Largest file that is read into memory. Report files that are only hashed may be as large as `MAX_REPORT_FILE`."""
MAX_REPORT_FILE = 4096 * MEBIBYTE


@dataclass(frozen=True)
class ProvenEntry:
    """A line of `record.jsonl`: an entry of the record and the proof of its place in the log."""

    entry: EntryBody
    index: int
    proof: tuple[str, ...]
    """Sibling hashes from the leaf up, in base64."""

    @classmethod
    def of(cls, entry: EntryBody, index: int, proof: Iterable[bytes]) -> Self:
        return cls(entry, index, tuple(map(encode_base64, proof)))

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read a line, given without its newline (FormatError)."""
        return parse(cls, parse_canonical(line))

    def to_line(self) -> bytes:
        return canonical_json(plain(self)) + b"\n"

    @property
    def hashes(self) -> list[bytes]:
        return [decode_base64(node) for node in self.proof]


def write_bundle(
    directory: Path,
    *,
    checkpoint: bytes,
    record: Iterable[ProvenEntry],
    envelopes: Iterable[bytes],
    report_files: Mapping[str, Path],
    trust: bytes,
    older: Sequence[OlderCheckpoint] = (),
) -> None:
    """Write a bundle. `directory` appears complete or not at all.

    Args:
        directory: the new folder; it must not exist yet.
        checkpoint: the signed note that the proofs lead to.
        record: the entries that the module's docstring names, in any order, with proofs for the checkpoint's size.
        envelopes: the contents of the request's envelope files, as signed.
        report_files: files to copy, by their name in the bundle (`report/3-1/result.json`).
        trust: the bytes of the published trust file.
        older: earlier checkpoints, from the smallest log to the largest.

    Raises:
        FormatError: the folder exists, an envelope is not in the record, or a name does not belong in a bundle.
    """
    # 1. Refuse what cannot become a bundle before anything is written.
    if directory.exists():
        _refuse(f"{directory} already exists; name a new folder")
    lines = sorted(record, key=lambda proven: proven.index)
    contents = {CHECKPOINT: checkpoint, TRUST: trust, RECORD: b"".join(line.to_line() for line in lines)}
    contents |= {CONSISTENCY: b"".join(one.to_line() for one in older)} if older else {}
    contents |= _envelopes_by_name(envelopes, lines)
    if invalid := [name for name in report_files if not _is_report_file(name)]:
        _refuse(f"{invalid[0]!a} is not a name for a report file in a bundle")
    # 2. Write everything into a hidden folder beside the target, which goes away if anything fails.
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".bundle-", ignore_cleanup_errors=True) as temporary:
        partial = Path(temporary) / "bundle"
        for name, content in contents.items():
            _parent(partial / name).write_bytes(content)
        for name, source in report_files.items():
            shutil.copyfile(source, _parent(partial / name))
        # 3. Let it appear in one step: a rename within a file system is atomic.
        partial.rename(directory)


@dataclass(frozen=True)
class BundleFolder:
    """A bundle from anybody: a folder of regular files with known names and bounded sizes."""

    root: Path
    names: frozenset[str]

    @classmethod
    def open(cls, root: Path) -> Self:
        """Check names, kinds and sizes, without reading any file.

        Raises:
            FormatError: the folder lacks a file that every bundle has, or contains something that no bundle has.
        """
        if not root.is_dir():
            _refuse("there is no such folder")
        sizes = dict(_walk(root))
        for name, size in sizes.items():
            if name not in NAMED and not ATTESTATION_NAME.fullmatch(name) and not _is_report_file(name):
                _refuse(f"{name!a} does not belong in a bundle")
            if size > (MAX_REPORT_FILE if _is_report_file(name) else MAX_READ):
                _refuse(f"{name!a} is too large ({size} bytes)")
        if missing := [name for name in FIXED if name not in sizes]:
            _refuse(f"it lacks {', '.join(missing)}")
        return cls(root, frozenset(sizes))

    @property
    def attestations(self) -> frozenset[str]:
        return self.names - self.report_files - set(NAMED)

    @property
    def report_files(self) -> frozenset[str]:
        return frozenset(filter(_is_report_file, self.names))

    def read(self, name: str) -> bytes:
        """Return the content of a file (FormatError if it is larger than `MAX_READ`)."""
        with (self.root / name).open("rb") as file:
            content = file.read(MAX_READ + 1)  # one byte more than allowed: a file may grow after its size was checked
        if len(content) > MAX_READ:
            _refuse(f"{name!a} is too large to be read")
        return content

    def older(self) -> tuple[OlderCheckpoint, ...]:
        """Parse the lines of `consistency.jsonl`, if there is one, without verifying them (FormatError)."""
        return older_checkpoints(self.read(CONSISTENCY)) if CONSISTENCY in self.names else ()

    def record(self) -> tuple[ProvenEntry, ...]:
        """Parse the lines of `record.jsonl` without verifying them (FormatError)."""
        *lines, remainder = self.read(RECORD).split(b"\n")
        if remainder or not lines:
            _refuse("record.jsonl is empty or does not end in a newline")
        return tuple(_entry_at(number, line) for number, line in enumerate(lines, 1))

    def sha256(self, name: str) -> str:
        with (self.root / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def attestation_name(index: int, predicate_type: str) -> str:
    """Return the name in a bundle of the envelope whose `attestation.signed` entry has this index."""
    return f"attestations/{index}-{SHORT_NAMES[predicate_type]}.dsse.json"


def _entry_at(number: int, line: bytes) -> ProvenEntry:
    try:
        if len(line) <= MAX_LINE:
            return ProvenEntry.from_line(line)
        reason = f"It has more than {MAX_LINE} bytes."
    except EvidenceError as error:
        reason = str(error)
    message = f"Line {number} of record.jsonl: {reason}"
    raise FormatError(message)


def _envelopes_by_name(envelopes: Iterable[bytes], record: Iterable[ProvenEntry]) -> dict[str, bytes]:
    names = {
        proven.entry.data["envelope_sha256"]: attestation_name(proven.index, proven.entry.data["predicate_type"])
        for proven in record
        if proven.entry.kind == RecordKind.ATTESTATION_SIGNED and proven.entry.data.get("predicate_type") in SHORT_NAMES
    }
    contents = {}
    for envelope in envelopes:
        name = names.get(sha256_hex(envelope))
        if name is None:
            _refuse("an envelope is not in the record; append its attestation.signed entry first")
        contents[name] = envelope
    return contents


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and size of every file below `root`; refuse links, devices, empty folders, and too many or too deep."""
    waiting, count = [root], 0
    while waiting:
        folder = waiting.pop()
        entries = list(os.scandir(folder))
        if not entries:
            _refuse(f"the folder {_relative(root, folder)!a} is empty")
        for entry in entries:
            count += 1
            name = _relative(root, Path(entry.path))
            if count > MAX_FILES or name.count("/") >= MAX_DEPTH:
                _refuse(f"there are more than {MAX_FILES} files, or folders nested more than {MAX_DEPTH} deep")
            # A link could lead out of the folder, and reading a pipe would block.
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield name, entry.stat(follow_symlinks=False).st_size
            else:
                _refuse(f"{name!a} is a link or a device, not a file")


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _is_report_file(name: str) -> bool:
    return REPORT_NAME.fullmatch(name) is not None and not name.endswith(WITHHELD_ENDINGS)


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _refuse(reason: str) -> NoReturn:
    message = f"This is not a usable bundle: {reason}."
    raise FormatError(message)
