"""Keeps a second copy of the erasure ledger in a file, from which a restored database gets back what it lost.

A backup of the database is older than the database. Without the file, whoever restores it forgets what was erased since. The
file is append-only, one canonical JSON object per line, and holds what the table holds: digests and opaque references.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.formats.canonical import canonical_json, format_time, parse_json, parse_time
from compliance.formats.contracts import Contract
from compliance.formats.errors import FormatError
from compliance.formats.record_kinds import RecordKind
from compliance.record.services import SYSTEM, record_append
from unlearning_jobs.ledger_keys import LedgerError
from unlearning_jobs.models import ErasureEntry

from .ledger import entries_insert, ledger_digest, ledger_lock


@dataclass(frozen=True)
class LedgerLine(Contract):
    """One line of the file: an entry of the ledger."""

    key_id: str
    digest: str
    subject: str
    item: str
    attempt: int
    snapshot_sha256: str
    example_id: str
    entered_at: str

    @classmethod
    def of(cls, entry: ErasureEntry) -> LedgerLine:
        values = {name: getattr(entry, name) for name in cls.__dataclass_fields__ if name != "entered_at"}
        return cls(**values, entered_at=format_time(entry.entered_at))

    def entry(self) -> ErasureEntry:
        return ErasureEntry(**{**self.to_json(), "entered_at": parse_time(self.entered_at)})

    @property
    def erasure(self) -> tuple[str, ...]:
        """What makes it the same erasure, whenever and under whichever key it was entered."""
        return self.subject, self.item, self.snapshot_sha256, self.example_id


@transaction.atomic
def ledger_copy() -> int:
    """Write what the file lacks, and take back what the database lacks. Return how many entries were taken back.

    Raises:
        LedgerError: the file cannot be read or written, or a line of it is damaged.
    """
    # 1. Compare both while nobody writes to the ledger.
    ledger_lock()
    path = Path(settings.LEDGER_FILE)
    try:
        kept = _lines(path)
        held = {line.erasure: line for line in map(LedgerLine.of, ErasureEntry.objects.all())}
        # 2. The file first: it only ever gets what is committed.
        _append(path, [line for erasure, line in held.items() if erasure not in kept])
    except OSError as error:
        message = f"The file of the erasure ledger cannot be used ({error.strerror}). Check LEDGER_FILE and its permissions."
        raise LedgerError(message) from error
    # 3. Then the database.
    lost = [line.entry() for erasure, line in kept.items() if erasure not in held]
    if lost:
        entries_insert(lost)
        data = {"entries": len(lost), "ledger_sha256": ledger_digest()}
        record_append(subject="ledger", kind=RecordKind.LEDGER_RESTORED, actor=SYSTEM, data=data)
    return len(lost)


def _lines(path: Path) -> dict[tuple[str, ...], LedgerLine]:
    """Return the file's complete lines by erasure. What a crash has cut of a line is in the database."""
    lines: dict[tuple[str, ...], LedgerLine] = {}
    if not path.exists():
        return lines
    for number, raw in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            line = LedgerLine.from_json(parse_json(raw))
        except FormatError as error:
            message = f"Line {number} of {path.name} is no entry of the erasure ledger. Restore the file from a backup."
            raise LedgerError(message) from error
        lines[line.erasure] = line
    return lines


def _append(path: Path, lines: list[LedgerLine]) -> None:
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)  # a line that a crash has cut
        file.seek(0, os.SEEK_END)
        file.write(b"".join(canonical_json(line.to_json()) + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
