from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.evidence.record import EntryBody, leaf_bytes, mappers
from compliance.formats.errors import EvidenceError, FormatError, PersonalDataError
from compliance.formats.record_kinds import VERIFIED_ELSEWHERE, VERIFIED_IN_REQUESTS

AT = datetime(2026, 11, 20, 18, 37, tzinfo=UTC)
DIGEST = "ab" * 32
GOOD: dict[str, Any] = {
    "item": "1",
    "attempt": 1,
    "submitted_by": "claimant",
    "protocol_sha256": DIGEST,
    "predicate_type": "https://example.org/x/v1",
    "envelope_sha256": DIGEST,
    "result_sha256": DIGEST,
    "model_sha256": DIGEST,
    "verdict": "passed",
    "entries": 1,
    "trust_sha256": DIGEST,
    "snapshot_sha256": DIGEST,
    "manifest_root": DIGEST,
    "checkpoint_sha256": DIGEST,
    "commitment_sha256": DIGEST,
    "old_size": 0,
    "old_root": DIGEST,
    "new_size": 0,
    "new_root": DIGEST,
}


def entry(kind: str = "request.noted", subject: str = "request:LE-7KQ4-M2XD", **data: Any) -> EntryBody:
    return EntryBody.of(subject=subject, number=1, kind=kind, at=AT, actor="account:12", data=data)


def test_a_leaf_is_canonical_json_and_read_back() -> None:
    body = leaf_bytes(entry(note=DIGEST))
    assert body.startswith(b'{"actor":"account:12","at":"2026-11-20T18:37:00.000000Z","data":{"note":"ab')
    assert EntryBody.from_bytes(body) == entry(note=DIGEST)


def test_an_entry_too_long_for_a_log_tile_is_refused() -> None:
    with pytest.raises(FormatError, match="the limit is 65535"):
        leaf_bytes(entry(note="x" * 70_000))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "lethe-record/2"},
        {"subject": "Jane Doe"},
        {"subject": "request:"},
        {"number": 0},
        {"kind": "submitted"},
        {"kind": "Request.Submitted"},
        {"at": "2026-11-20"},
        {"actor": "Jane"},
        {"actor": "account:jane doe"},
    ],
)
def test_malformed_entries_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        replace(entry(), **change)


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in VERIFIED_IN_REQUESTS.items() for field in fields]
)
def test_an_entry_of_a_request_has_what_verification_needs(kind: str, field: str) -> None:
    entry(kind, **GOOD)
    with pytest.raises(FormatError, match=field):
        entry(kind, **{name: value for name, value in GOOD.items() if name != field})
    with pytest.raises(FormatError, match=field):
        entry(kind, **GOOD | {field: None})


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in VERIFIED_ELSEWHERE.items() for field in fields]
)
def test_an_entry_of_another_history_has_what_verification_needs(kind: str, field: str) -> None:
    entry(kind, subject="corpus:letters", **GOOD)
    with pytest.raises(FormatError, match=field):
        entry(kind, subject="corpus:letters", **GOOD | {field: "short"})


def test_a_job_that_is_of_no_request_needs_no_item() -> None:
    assert entry("job.started", subject="model:letters", job=3).data == {"job": 3}


@pytest.mark.parametrize("attempt", [0, True, "1", 1.0])
def test_attempts_are_counted_from_one(attempt: object) -> None:
    with pytest.raises(FormatError, match="whole number from 1"):
        entry("job.started", item="1", attempt=attempt)


@pytest.mark.parametrize("item", ["", "-1", "a--b", "a/b", "ü", "x" * 70])
def test_items_are_short_plain_names(item: str) -> None:
    with pytest.raises(FormatError, match="item"):
        entry("job.started", item=item, attempt=1)


@pytest.mark.parametrize(
    "data",
    [
        {"to": "jane@example.org"},
        {"to": ["x", {"deep": "write to jane.doe@mail.example.org today"}]},
        {"jane@example.org": 1},
        {"to": ("jane@example.org",)},
    ],
)
def test_an_e_mail_address_never_gets_into_an_entry(data: dict[str, Any]) -> None:
    with pytest.raises(PersonalDataError) as error:
        entry(**data)
    assert "jane" not in str(error.value)


@pytest.mark.parametrize("value", ["a @ b", "name@version", "@handle", "x@y.z", "1.2@3", None, 7])
def test_other_values_are_not_taken_for_addresses(value: object) -> None:
    assert entry(value=value).data == {"value": value}


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"null", b'{"format":"lethe-record/1"}'])
def test_what_is_no_entry_is_refused(raw: bytes) -> None:
    with pytest.raises(EvidenceError):
        EntryBody.from_bytes(raw)


def test_mappers_are_those_who_accepted_or_closed_before() -> None:
    kinds = [
        "request.submitted",
        "match.accepted",
        "match.rejected",
        "matches.decided",
        "proposal.approved",
        "match.accepted",
    ]
    history = [
        EntryBody.of(subject="request:A", number=number, kind=kind, at=AT, actor=f"account:{number}", data=GOOD)
        for number, kind in enumerate(kinds, 1)
    ]
    assert mappers(history, before=5) == ("account:2", "account:4")
