"""in-toto Statements v1 (in-toto/attestation: spec/v1) with our two predicates.

A statement is read by parsing it into these classes and writing it again: the bytes must come out the same, so a signed
statement has no part that verification passes over. New fields therefore come with a new predicate version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from compliance.formats.canonical import canonical_json, digest_of, parse_canonical, parse_time
from compliance.formats.checks import check_digest, check_pattern, refuse
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import FormatError
from compliance.formats.verdicts import Guarantee, Verdict

from .record import ITEM, refuse_personal_data

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
UNLEARNING_REPORT = "https://lethe.example/attestations/unlearning-report/v1"
RELEASE = "https://lethe.example/attestations/release/v1"
SHORT_NAMES: Mapping[str, str] = {UNLEARNING_REPORT: "unlearning-report", RELEASE: "release"}
MODEL_SUBJECT = "model"
"""Name of the subject that stands for a model directory; its digest is the model's digest over its files."""

REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Method:
    """The unlearning method that ran, what it guarantees, and its hyper-parameters."""

    name: str
    guarantee: Guarantee
    config: Mapping[str, Any]


@dataclass(frozen=True)
class UnlearningReport:
    """What ran for one attempt at one item, on what, and with which verdict."""

    predicate_type: ClassVar[str] = UNLEARNING_REPORT

    request: str
    """The request's reference, as in the record's subject `request:<reference>`."""
    item: str
    attempt: int
    """Counts approvals of this item, from 1."""
    method: Method
    spec_sha256: str
    """Digest of the job specification's canonical JSON."""
    protocol: Mapping[str, Any]
    """In full, so that the signed statement says what was measured."""
    protocol_sha256: str
    snapshot_sha256: str
    manifest_root: str
    forget_set_sha256: str
    """`forget_set_digest` of the record ids."""
    forget_count: int
    base_model_sha256: str
    result_model_sha256: str
    recipe_sha256: str
    started_at: str
    finished_at: str
    verdict: Verdict
    does_not_show: tuple[str, ...]
    """Sentences; every limit that the evaluation names is among them."""
    environment: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuses malformed digests, times and references (FormatError), and personal data."""
        _check_predicate(self)
        if self.attempt < 1 or self.forget_count < 1:
            refuse("A report's attempt and forget_count", "1 or more", (self.attempt, self.forget_count))
        if parse_time(self.finished_at) < parse_time(self.started_at):
            refuse("A report's finished_at", "no earlier than started_at", self.finished_at)
        if not self.does_not_show:
            refuse("A report's does_not_show", "at least one sentence", self.does_not_show)
        if digest_of(plain(self.protocol)) != self.protocol_sha256:
            refuse("A report's protocol_sha256", "the digest of its protocol", self.protocol_sha256)


@dataclass(frozen=True)
class Release:
    """An officer released the model of a passed report in place of another."""

    predicate_type: ClassVar[str] = RELEASE

    request: str
    item: str
    attempt: int
    report_envelope_sha256: str
    """SHA-256 of the report's envelope file."""
    released_model_sha256: str
    replaced_model_sha256: str
    mapped_by: tuple[str, ...]
    """Who accepted or closed matches before the approval: `record.mappers(history, approval.number)`."""
    approved_by: str
    released_by: str
    record_entries: int
    """How many entries the request had in the record when this was signed."""

    def __post_init__(self) -> None:
        """Refuses malformed digests and references (FormatError), and personal data."""
        _check_predicate(self)
        if self.attempt < 1 or self.record_entries < 1:
            refuse("A release's attempt and record_entries", "1 or more", (self.attempt, self.record_entries))


Predicate = UnlearningReport | Release
PREDICATES: Mapping[str, type[UnlearningReport | Release]] = {cls.predicate_type: cls for cls in (UnlearningReport, Release)}


@dataclass(frozen=True)
class Subject:
    """Something that the statement is about, by name and SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Statement:
    """Subjects and a predicate. `to_bytes` is what gets signed."""

    subjects: tuple[Subject, ...]
    predicate: Predicate

    def __post_init__(self) -> None:
        """Refuses malformed digests, repeated names, and a statement about nothing (FormatError)."""
        names = {subject.name for subject in self.subjects}
        if not names or len(names) != len(self.subjects):
            refuse("A statement's subjects", "at least one, each with a name of its own", sorted(names))
        for subject in self.subjects:
            check_digest(subject.sha256, f"The digest of subject {subject.name[:80]!a}")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Reads the payload of an envelope.

        Raises:
            FormatError: it is not a statement that this version writes.
        """
        value = parse_canonical(raw)
        predicate_class = PREDICATES.get(str(value.get("predicateType"))) if isinstance(value, dict) else None
        if predicate_class is None or not isinstance(value.get("subject"), list):
            message = "This is not an in-toto statement with a predicate of ours."
            raise FormatError(message)
        subjects = tuple(_subject(subject) for subject in value["subject"])
        statement = cls(subjects, parse(predicate_class, value.get("predicate")))
        if statement.to_bytes() != raw:
            message = "The statement holds fields that this version does not know."
            raise FormatError(message)
        return statement

    def to_bytes(self) -> bytes:
        """Canonical JSON of the in-toto form."""
        return canonical_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": s.name, "digest": {"sha256": s.sha256}} for s in self.subjects],
                "predicateType": self.predicate.predicate_type,
                "predicate": plain(self.predicate),
            }
        )


def report_folder(item: str, attempt: int) -> str:
    """Where a bundle keeps the files of one attempt; their subjects are named by it, as `report/3-1/result.json`."""
    return f"report/{item}-{attempt}"


def forget_set_digest(example_ids: tuple[str, ...] | list[str]) -> str:
    """SHA-256 of the canonical JSON list of the sorted record ids."""
    return digest_of(sorted(example_ids))


def _subject(value: object) -> Subject:
    try:
        name, digest = value["name"], value["digest"]["sha256"]  # type: ignore[index]  # anything may come; refused below
    except (TypeError, KeyError, IndexError):
        name = digest = None
    if not isinstance(name, str) or not isinstance(digest, str):
        message = "A subject of the statement lacks its name or its SHA-256."
        raise FormatError(message)
    return Subject(name, digest)


def _check_predicate(predicate: Predicate) -> None:
    check_pattern(REFERENCE, predicate.request, "A statement's request", "a reference such as LE-7KQ4-M2XD")
    check_pattern(ITEM, predicate.item, "A statement's item", "letters, digits and single hyphens")
    for name, value in plain(predicate).items():
        if name.endswith("_sha256") or name == "manifest_root":
            check_digest(value, f"A statement's {name}")
    refuse_personal_data(plain(predicate))
