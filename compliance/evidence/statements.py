"""in-toto Statements v1 (in-toto/attestation: spec/v1) with Lethe's two predicates.

To read a statement, it is parsed into these classes and written again, and the bytes must be the same. So verification
overlooks no part of a signed statement, and a new field needs a new version of its predicate.
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
"""Name of the subject that stands for a model; its SHA-256 is the model's digest over all its files."""

REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Method:
    """The unlearning method that ran, what it guarantees, and its hyper-parameters."""

    name: str
    guarantee: Guarantee
    config: Mapping[str, Any]


@dataclass(frozen=True)
class UnlearningReport:
    """What ran for an attempt at an item, on what data and model, and with which verdict."""

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
    """The whole protocol, so that the signed statement says what was measured."""
    protocol_sha256: str
    snapshot_sha256: str
    manifest_root: str
    forget_set_sha256: str
    """`forget_set_digest` of the example ids."""
    forget_count: int
    base_model_sha256: str
    result_model_sha256: str
    recipe_sha256: str
    started_at: str
    finished_at: str
    verdict: Verdict
    does_not_show: tuple[str, ...]
    """Sentences. They include every limit that the evaluation names."""
    environment: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse malformed digests, times and references (FormatError), and personal data (PersonalDataError)."""
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
    """An officer's release of the model of a passed report, in place of another model."""

    predicate_type: ClassVar[str] = RELEASE

    request: str
    item: str
    attempt: int
    report_envelope_sha256: str
    """SHA-256 of the report's envelope file."""
    released_model_sha256: str
    replaced_model_sha256: str
    mapped_by: tuple[str, ...]
    """Who accepted a match or closed the review before the approval: `record.mappers(history, approval.number)`."""
    approved_by: str
    released_by: str
    record_entries: int
    """Number of entries that the record had about the request when this was signed."""

    def __post_init__(self) -> None:
        """Refuse malformed digests and references (FormatError), and personal data (PersonalDataError)."""
        _check_predicate(self)
        if self.attempt < 1 or self.record_entries < 1:
            refuse("A release's attempt and record_entries", "1 or more", (self.attempt, self.record_entries))


Predicate = UnlearningReport | Release
PREDICATES: Mapping[str, type[UnlearningReport | Release]] = {cls.predicate_type: cls for cls in (UnlearningReport, Release)}


@dataclass(frozen=True)
class Subject:
    """A file or model that the statement is about, by name and SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Statement:
    """Subjects and a predicate. `to_bytes` is what gets signed."""

    subjects: tuple[Subject, ...]
    predicate: Predicate

    def __post_init__(self) -> None:
        """Refuse malformed digests, repeated names, and a statement about nothing (FormatError)."""
        names = {subject.name for subject in self.subjects}
        if not names or len(names) != len(self.subjects):
            refuse("A statement's subjects", "at least one, with different names", sorted(names))
        for subject in self.subjects:
            check_digest(subject.sha256, f"The digest of subject {subject.name[:80]!a}")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the payload of an envelope.

        Raises:
            FormatError: `raw` is not a statement that this version would write.
        """
        value = parse_canonical(raw)
        predicate_class = PREDICATES.get(str(value.get("predicateType"))) if isinstance(value, dict) else None
        if predicate_class is None or not isinstance(value.get("subject"), list):
            message = "This is not an in-toto statement with a predicate type that this version knows."
            raise FormatError(message)
        subjects = tuple(_subject(subject) for subject in value["subject"])
        statement = cls(subjects, parse(predicate_class, value.get("predicate")))
        # in-toto allows further fields and digests. The classes drop them, so the bytes would differ.
        if statement.to_bytes() != raw:
            message = "The statement contains fields that this version does not know."
            raise FormatError(message)
        return statement

    def to_bytes(self) -> bytes:
        """Return the canonical JSON of the in-toto form."""
        return canonical_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": s.name, "digest": {"sha256": s.sha256}} for s in self.subjects],
                "predicateType": self.predicate.predicate_type,
                "predicate": plain(self.predicate),
            }
        )


def report_folder(item: str, attempt: int) -> str:
    """Return the folder for the files of an attempt in a bundle. Subjects are named by it: `report/3-1/result.json`."""
    return f"report/{item}-{attempt}"


def forget_set_digest(example_ids: tuple[str, ...] | list[str]) -> str:
    """Return the SHA-256 of the sorted example ids, as a list in canonical JSON."""
    return digest_of(sorted(example_ids))


def _subject(value: object) -> Subject:
    try:
        name, digest = value["name"], value["digest"]["sha256"]  # type: ignore[index]  # it may be anything; refused below
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
