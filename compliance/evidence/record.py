"""Entries of the record: what a leaf of the log contains, and which fields verification relies on.

An entry contains digests and opaque references, never personal data: `actor` and `subject` are names such as `account:12`,
`claimant`, `system` and `request:LE-7KQ4-M2XD`. The entries of a subject are numbered 1, 2, 3, ... without gaps, and their
times never go back. Verification relies on the kinds and fields that `compliance.formats.record_kinds` marks; other kinds,
and further fields in `data`, are free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from compliance.formats.canonical import canonical_json, format_time, parse_canonical, parse_time
from compliance.formats.checks import check_digest, check_pattern, refuse
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import FormatError, PersonalDataError
from compliance.formats.record_kinds import VERIFIED_ELSEWHERE, VERIFIED_IN_REQUESTS, RecordKind

FORMAT = "lethe-record/1"

REQUEST_PREFIX = "request:"
ACCOUNT_PREFIX = "account:"

MAX_LEAF = 65_535  # a tlog-tiles entry has a 16-bit length
SUBJECT = re.compile(r"[a-z]+(:[A-Za-z0-9._-]{1,100})?", re.ASCII)
ACTOR = re.compile(r"[a-z]+(:[A-Za-z0-9._-]{1,100})?", re.ASCII)
KIND = re.compile(r"[a-z_]+(\.[a-z_]+)+", re.ASCII)
ITEM = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,63}", re.ASCII)
# One character before the @ is enough, and keeps the search linear.
EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@.]{2}")


@dataclass(frozen=True)
class EntryBody:
    """One entry. Its canonical JSON is the body of its leaf in the log."""

    format: str
    subject: str
    number: int
    kind: str
    at: str
    actor: str
    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Refuse malformed fields, missing data (both FormatError) and what looks like personal data (PersonalDataError)."""
        if self.format != FORMAT:
            refuse("An entry's format", FORMAT, self.format)
        check_pattern(
            SUBJECT, self.subject, "An entry's subject", "a kind and an opaque reference, such as request:LE-7KQ4-M2XD"
        )
        check_pattern(ACTOR, self.actor, "An entry's actor", "an opaque reference, such as account:12")
        check_pattern(KIND, self.kind, "An entry's kind", "dotted lower-case words, such as job.started")
        if self.number < 1:
            refuse("An entry's number", "1 or more", self.number)
        parse_time(self.at)
        _check_data(self)
        refuse_personal_data(self.data)

    @classmethod
    def of(cls, *, subject: str, number: int, kind: str, at: datetime, actor: str, data: Mapping[str, Any]) -> Self:
        """Return a new entry in the current format."""
        return cls(FORMAT, subject, number, kind, format_time(at), actor, data)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the body of a leaf (FormatError)."""
        return parse(cls, parse_canonical(raw))

    @property
    def moment(self) -> datetime:
        return parse_time(self.at)

    @property
    def attempt(self) -> tuple[str, int]:
        """The item and the attempt that this entry is about. Only some kinds have them."""
        return self.data["item"], self.data["attempt"]


def leaf_bytes(entry: EntryBody) -> bytes:
    """Return the body of the leaf: canonical JSON of at most 65,535 bytes (FormatError)."""
    body = canonical_json(plain(entry))
    if len(body) > MAX_LEAF:
        message = f"A record entry has {len(body)} bytes; the limit is {MAX_LEAF}. Record a digest instead."
        raise FormatError(message)
    return body


def mappers(history: Iterable[EntryBody], before: int) -> tuple[str, ...]:
    """Return who accepted a match or closed the review in `history` before entry number `before`, sorted."""
    kinds = (RecordKind.MATCH_ACCEPTED, RecordKind.MATCHES_DECIDED)
    return tuple(sorted({entry.actor for entry in history if entry.kind in kinds and entry.number < before}))


def deciders(history: Iterable[EntryBody], before: int) -> tuple[str, ...]:
    """Return who decided about an example in `history` before entry number `before`, sorted: whoever decided again later.

    Whoever finished a sample said of each of its examples that it is about the person, or that it is not.
    """
    kinds = (RecordKind.MATCH_ACCEPTED, RecordKind.MATCH_REJECTED, RecordKind.SAMPLE_FINISHED)
    return tuple(sorted({entry.actor for entry in history if entry.kind in kinds and entry.number < before}))


def refuse_personal_data(value: object) -> None:
    """Raise PersonalDataError if any text in `value` looks like an e-mail address.

    A last line of defence: callers are expected to pass digests and references only. The message does not repeat the text.
    """
    if isinstance(value, str):
        if EMAIL.search(value):
            message = "A value looks like an e-mail address. The record contains only digests and opaque references."
            raise PersonalDataError(message)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            refuse_personal_data(key)
            refuse_personal_data(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            refuse_personal_data(inner)


def _check_data(entry: EntryBody) -> None:
    required = VERIFIED_ELSEWHERE.get(entry.kind, ())
    if entry.subject.startswith(REQUEST_PREFIX):
        required += VERIFIED_IN_REQUESTS.get(entry.kind, ())
    for name in required:
        if name not in entry.data:
            refuse(f"The data of {entry.kind}", f"an object with {name}", sorted(entry.data))
        _check_field(f"{entry.kind}: {name}", name, entry.data[name])


def _check_field(where: str, name: str, value: object) -> None:
    if name in ("attempt", "entries"):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            refuse(where, "a whole number from 1", value)
    elif name.endswith("_size"):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            refuse(where, "a whole number", value)
    elif not isinstance(value, str):
        refuse(where, "text", value)
    elif name.endswith(("_sha256", "_root")):
        check_digest(value, where)
    elif name == "item":
        check_pattern(ITEM, value, where, "letters, digits and single hyphens")
    elif name == "submitted_by":
        check_pattern(ACTOR, value, where, "an opaque reference, such as account:12")
