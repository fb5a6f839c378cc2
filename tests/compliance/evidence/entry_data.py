"""What entries of the record state, besides what a test is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from compliance.formats.canonical import digest_of
from compliance.formats.record_kinds import FIELDS, TOLD, RecordKind
from compliance.formats.results import RESULT_VERSION

from .engine_files import BASE_MODEL, FORGOTTEN, METHOD, PROTOCOL, SNAPSHOT

USUAL: dict[str, Any] = {
    "kind": "erasure",
    "language": "en",
    "due_on": "2026-12-21",
    "submitted_by": "claimant",
    "search": 1,
    "matcher": "exact",
    "searched": [SNAPSHOT],
    "queries": [{"kind": "name", "hmac": "7" * 64}],
    "complete": True,
    "candidates": 0,
    "item": "1",
    "model": "letters-1",
    "snapshot": SNAPSHOT[:16],
    "attempt": 1,
    "job": 1,
    "run": 1,
    "ending": 1,
    "granted": True,
    "how": "each",
    "ground": "17_1_a",
    "beside": 0,
    "accepted": 0,
    **dict.fromkeys(TOLD, 0),
    "rejected": 0,
    "method": METHOD,
    "protocol_sha256": digest_of(PROTOCOL),
    "result_version": RESULT_VERSION,
    "examples": len(FORGOTTEN),
    "entries_sha256": "5" * 64,
    "spec_sha256": "5" * 64,
    "replaced_sha256": BASE_MODEL,
    "version": 1,
    "snapshot_sha256": SNAPSHOT,
    "left_out": 0,
    "assurance": "reproduced",
    "checkpoint_sha256": "",
    "commitment_sha256": "",
}


def stated(kind: str, **given: Any) -> dict[str, Any]:
    """Return everything that an entry of a kind states: what is given, and else what is usual."""
    if kind == "match.accepted":
        given = {"contents": labels(given.get("examples", ()))} | given
    return {field: given.get(field, USUAL.get(field, _usual(field))) for field in FIELDS[RecordKind(kind)]} | given


def labels(examples: Iterable[Mapping[str, str]]) -> list[str]:
    """Every example has a content of its own."""
    return [digest_of([one["snapshot"], one["example_id"]])[:16] for one in examples]


def _usual(field: str) -> Any:
    return "5" * 64 if field.endswith("_sha256") else []


def matches(ids: Iterable[str]) -> list[dict[str, str]]:
    return [{"snapshot": SNAPSHOT[:16], "example_id": example_id, "set": "train"} for example_id in ids]
