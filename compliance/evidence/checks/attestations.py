"""Steps about the attestations: they are in the record, signed by the right keys, about this request and these files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compliance.evidence import dsse
from compliance.evidence.bundle import BundleFolder, ProvenEntry, attestation_name
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import MODEL_SUBJECT, SHORT_NAMES, Release, Statement, UnlearningReport, report_folder
from compliance.evidence.trust import TrustFile
from compliance.formats.canonical import sha256_hex
from compliance.formats.errors import EvidenceError, VerificationError
from compliance.formats.record_kinds import RecordKind

from .log import History

Attempt = tuple[str, int]
"""An item and the number of the attempt at it."""


@dataclass(frozen=True)
class RecordedEnvelope:
    """An envelope file, and the record entry that contains its digest."""

    name: str
    raw: bytes
    place: ProvenEntry


@dataclass(frozen=True)
class SignedBody:
    """The bytes that were signed, and the ids of the trusted keys that signed them."""

    envelope: RecordedEnvelope
    body: bytes
    signers: frozenset[str]


@dataclass(frozen=True)
class SignedReport:
    """A report, with the files that it names and its place in the record."""

    report: UnlearningReport
    files: Mapping[str, str]
    """SHA-256 of each file, by its name in the bundle."""
    envelope: RecordedEnvelope

    @property
    def folder(self) -> str:
        return report_folder(self.report.item, self.report.attempt)


@dataclass(frozen=True)
class SignedRelease:
    """A release, with its place in the record."""

    release: Release
    envelope: RecordedEnvelope


@dataclass(frozen=True)
class Statements:
    """Everything that was signed about the request, by item and attempt."""

    reports: Mapping[Attempt, SignedReport]
    releases: Mapping[Attempt, SignedRelease]


def match_envelopes(folder: BundleFolder, history: History) -> tuple[RecordedEnvelope, ...]:
    """Return the envelope files: one for each `attestation.signed` entry, with the recorded digest, and no other."""
    envelopes = []
    for place in history.of_kind(RecordKind.ATTESTATION_SIGNED):
        predicate_type = place.entry.data["predicate_type"]
        if predicate_type not in SHORT_NAMES:
            message = f"Record entry {place.index} names an attestation of the unknown type {predicate_type[:80]!a}."
            raise VerificationError(message)
        name = attestation_name(place.index, predicate_type)
        if name not in folder.attestations:
            message = f"{name} is in the record but not in the bundle."
            raise VerificationError(message)
        raw = folder.read(name)
        if sha256_hex(raw) != place.entry.data["envelope_sha256"]:
            message = f"{name} is not the file whose digest is in the record."
            raise VerificationError(message)
        envelopes.append(RecordedEnvelope(name, raw, place))
    if unrecorded := folder.attestations - {envelope.name for envelope in envelopes}:
        message = f"{min(unrecorded)} is not in the record of this request."
        raise VerificationError(message)
    return tuple(envelopes)


def check_signatures(envelopes: Sequence[RecordedEnvelope], trust: TrustFile) -> tuple[SignedBody, ...]:
    """Check that a key signed each envelope which could sign this type of statement when its record entry was made."""
    return tuple(_check_signature(envelope, trust) for envelope in envelopes)


def read_statements(bodies: Sequence[SignedBody], history: History) -> Statements:
    """Return the statements. Each must be about this request, and about the item and attempt that its record entry names."""
    reports: dict[Attempt, SignedReport] = {}
    releases: dict[Attempt, SignedRelease] = {}
    for signed in bodies:
        envelope = signed.envelope
        statement = _read_statement(signed, history)
        predicate, attempt = statement.predicate, envelope.place.entry.attempt
        if attempt in (reports if isinstance(predicate, UnlearningReport) else releases):
            message = f"{envelope.name} is the second attestation of its type for item {attempt[0]}, attempt {attempt[1]}."
            raise VerificationError(message)
        files = _files(statement, envelope.name)
        if isinstance(predicate, UnlearningReport):
            reports[attempt] = SignedReport(predicate, files, envelope)
        else:
            releases[attempt] = SignedRelease(predicate, envelope)
    return Statements(reports, releases)


def check_report_files(folder: BundleFolder, statements: Statements) -> BundleFolder:
    """Check that the report files are exactly those that the reports name, byte for byte; return the folder."""
    signed = {name: digest for report in statements.reports.values() for name, digest in report.files.items()}
    if missing := signed.keys() - folder.report_files:
        message = f"{min(missing)[:200]!a} was signed but is not in the bundle."
        raise VerificationError(message)
    if unsigned := folder.report_files - signed.keys():
        message = f"{min(unsigned)} is in the bundle but in no signed report."
        raise VerificationError(message)
    for name, digest in sorted(signed.items()):
        if folder.sha256(name) != digest:
            message = f"{name} is not the file that was signed."
            raise VerificationError(message)
    return folder


def _check_signature(envelope: RecordedEnvelope, trust: TrustFile) -> SignedBody:
    entry = envelope.place.entry
    # Only keys that could sign this type when the record took it in. The key id in the envelope decides nothing.
    candidates = trust.signers_of(entry.data["predicate_type"])
    keys = [key.public_key for key in candidates if key.problem_at(entry.moment) is None]
    try:
        return SignedBody(envelope, *dsse.verify(dsse.Envelope.from_bytes(envelope.raw), keys))
    except EvidenceError as error:
        message = f"{envelope.name}: {error}{_unusable(trust, entry)}"
        raise VerificationError(message) from None


def _unusable(trust: TrustFile, entry: EntryBody) -> str:
    """Say which attestation keys did not count for this entry, and why. Only for the message."""
    reasons = []
    for key in trust.with_role("attestation"):
        wrong_type = entry.data["predicate_type"] not in key.predicate_types
        problem = "it may not sign this type of statement" if wrong_type else key.problem_at(entry.moment)
        if problem:
            reasons.append(f" The key {key.key_id} did not count: {problem}.")
    return "".join(reasons)


def _read_statement(signed: SignedBody, history: History) -> Statement:
    name, entry = signed.envelope.name, signed.envelope.place.entry
    try:
        statement = Statement.from_bytes(signed.body)
    except EvidenceError as error:
        message = f"{name}: {error}"
        raise VerificationError(message) from None
    predicate = statement.predicate
    if predicate.predicate_type != entry.data["predicate_type"]:
        message = f"{name} does not have the type that its record entry names."
        raise VerificationError(message)
    if predicate.request != history.request:
        message = f"{name} is about another request."
        raise VerificationError(message)
    if (predicate.item, predicate.attempt) != entry.attempt:
        message = f"{name} is not about the item and attempt that its record entry names."
        raise VerificationError(message)
    return statement


def _files(statement: Statement, name: str) -> dict[str, str]:
    """Return the statement's subjects other than the model. Every statement must name the model of its predicate."""
    subjects = {subject.name: subject.sha256 for subject in statement.subjects}
    predicate = statement.predicate
    is_report = isinstance(predicate, UnlearningReport)
    model = predicate.result_model_sha256 if isinstance(predicate, UnlearningReport) else predicate.released_model_sha256
    if subjects.pop(MODEL_SUBJECT, None) != model:
        message = f"{name} does not name the same model in its subjects and in its predicate."
        raise VerificationError(message)
    folder = report_folder(predicate.item, predicate.attempt)
    required = {f"{folder}/result.json", f"{folder}/spec.json"} if is_report else set()
    if not required <= subjects.keys() or any(not (is_report and subject.startswith(f"{folder}/")) for subject in subjects):
        message = f"The subjects of {name} are not the files of its own attempt."
        raise VerificationError(message)
    return subjects
