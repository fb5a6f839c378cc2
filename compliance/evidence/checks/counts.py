"""The part of the course about what is counted: attempts, runs, searches, samples, ends, extensions of the deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K


def check_count(entries: Sequence[EntryBody], field: str, begins: str, kinds: Mapping[str, object], by: str = "") -> None:
    """Check that the entries which begin something count it, and that everything else is about the latest one.

    With `by`, it is counted for each item or job by itself.
    """
    latest: dict[object, int] = {}
    for entry in entries:
        if entry.kind not in kinds or not {field, by or field} <= entry.data.keys():
            continue
        about, number = entry.data[by] if by else "", entry.data[field]
        expected = latest.get(about, 0) + (entry.kind == begins)
        if number != expected:
            name = f"{by.capitalize()} {about}" if by else "The request"
            _fail(name, entry, f"it is about {field} {number}, and should be about {field} {expected}")
        latest[about] = number


def check_extensions(entries: Sequence[EntryBody]) -> None:
    """Check that the time for an answer about personal data was extended once at most."""
    opened = next((entry.data for entry in entries if entry.kind == K.REQUEST_SUBMITTED), {})
    for number, entry in enumerate(entry for entry in entries if entry.kind == K.REQUEST_EXTENDED):
        if number or opened.get("kind") != "erasure":
            _fail("The request", entry, "the time for the answer is extended once, and only of requests for erasure")


def _fail(name: str, entry: EntryBody, reason: str) -> NoReturn:
    message = f"{name}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    raise VerificationError(message)
