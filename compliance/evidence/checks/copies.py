"""The part of the course about copies: a completed request has settled every copy that its releases named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.copies import EXEMPTIONS, LONGEST_BEYOND_USE
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K

ANOTHER_DAY: Final = timedelta(days=1)
"""Last days are days where the controller acts, and the record has the time of Greenwich, where it may be another day."""


def check_copies(entries: Sequence[EntryBody]) -> None:
    """Check what became of copies, entry after entry of a request's history.

    Which copies there are, the operator says: an entry of a release names them by number, and nobody can see from it that
    one was never registered.

    Raises:
        VerificationError: a copy was settled before a release, again after it was settled for good, on a ground that exempts
            none or beyond use for too long; or the request was completed while one was not settled.
    """
    request_kind = next((entry.data["kind"] for entry in entries if entry.kind == K.REQUEST_SUBMITTED), "")
    named: set[int] | None = None
    settled: dict[int, EntryBody] = {}
    for entry in entries:
        if entry.kind == K.ITEM_RELEASED:
            named = (named or set()).union(entry.data.get("copies", ()))
        elif entry.kind == K.COPY_SETTLED:
            if named is None:
                _fail(entry, "no release before named what has to be settled")
            _check_settled(entry, settled.get(entry.data["copy"]), request_kind)
            settled[entry.data["copy"]] = entry
        elif entry.kind == K.REQUEST_CLOSED and entry.data["outcome"] == "completed":
            left = sorted(copy for copy in named or () if copy not in settled or not _holds(settled[copy], entry))
            if left:
                message = (
                    f"The request: entry number {entry.number} ({entry.kind}) cannot come then: of"
                    f" {len(named or ())} copies, {len(left)} are not settled, copy {left[0]} among them."
                )
                raise VerificationError(message)


def _check_settled(entry: EntryBody, before: EntryBody | None, request_kind: str) -> None:
    how, ground, until = (entry.data[field] for field in ("how", "ground", "until"))
    if before and before.data["how"] != "beyond_use":
        _fail(entry, f"it was settled for good before: {before.data['how']}")
    if (how == "exempt") != bool(ground) or (ground and ground not in EXEMPTIONS.get(request_kind, frozenset())):
        _fail(entry, f"{how} on the ground {ground!a} is nothing that can become of it")
    if (how == "beyond_use") != bool(until):
        _fail(entry, f"{how} until {until!a} is nothing that can become of it")
    if until:
        last, today = date.fromisoformat(until), entry.moment.date()
        if not today - ANOTHER_DAY < last <= today + timedelta(days=LONGEST_BEYOND_USE) + ANOTHER_DAY:
            _fail(entry, f"its last day, {until}, is past or too far away")
        if before and until <= before.data["until"]:
            _fail(entry, f"it was beyond use until {before.data['until']} already")


def _holds(settled: EntryBody, closed: EntryBody) -> bool:
    """Return whether what became of a copy is so on the day on which the request is closed."""
    until = settled.data["until"]
    return not until or date.fromisoformat(until) >= closed.moment.date() - ANOTHER_DAY


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    message = f"Copy {entry.data['copy']}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    raise VerificationError(message)
