"""Reads of the record: what happened to a subject, what was signed about it, and where an entry stands in the log."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.evidence import dsse
from compliance.evidence.record import REQUEST_PREFIX, EntryBody, mappers
from compliance.evidence.statements import UNLEARNING_REPORT, Statement, UnlearningReport
from compliance.evidence.tlog_proofs import TlogProof
from compliance.formats.canonical import encode_base64
from compliance.formats.merkle import inclusion_proof, leaf_hash
from compliance.formats.record_kinds import RecordKind

from .models import Attestation, RecordEntry, SignedCheckpoint
from .services import node_hash_stored


def entries_of(*, subject: str, kinds: tuple[str, ...] = ()) -> list[EntryBody]:
    """The bodies of a subject's entries, oldest first; of these kinds only, when given."""
    rows = RecordEntry.objects.filter(subject=subject).order_by("number")
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return [EntryBody.from_bytes(bytes(row.body)) for row in rows]


def request_mappers(*, subject: str) -> tuple[str, ...]:
    """Everyone who ever accepted a match of the request or closed its review, sorted: none of them may approve.

    From the record, as verification does it: somebody whose acceptance was overruled later has mapped all the same.
    """
    entries = entries_of(subject=subject, kinds=(RecordKind.MATCH_ACCEPTED, RecordKind.MATCHES_DECIDED))
    return mappers(entries, entries[-1].number + 1) if entries else ()


@dataclass(frozen=True)
class Signed:
    """An attestation with what its statement says."""

    row: Attestation
    statement: Statement
    key_ids: tuple[str, ...]
    """Hints from the envelope: which keys are said to have signed."""

    @property
    def reference(self) -> str:
        return self.row.subject.removeprefix(REQUEST_PREFIX)

    @property
    def report(self) -> UnlearningReport | None:
        predicate = self.statement.predicate
        return predicate if isinstance(predicate, UnlearningReport) else None

    @property
    def verdict(self) -> str:
        return self.report.verdict.outcome if self.report else ""

    @property
    def method(self) -> str:
        return self.report.method.name if self.report else ""


def attestation_read(row: Attestation) -> Signed:
    """The statement in the row's envelope.

    Raises:
        EvidenceError: the envelope is not one of ours.
    """
    envelope = dsse.Envelope.from_bytes(bytes(row.envelope))
    return Signed(row, Statement.from_bytes(envelope.body), tuple(one.keyid for one in envelope.signatures))


def signed_report(*, subject: str, item: str, attempt: int) -> Attestation | None:
    """The signed report of an attempt at an item, if there is one yet."""
    return Attestation.objects.filter(subject=subject, item=item, attempt=attempt, predicate_type=UNLEARNING_REPORT).first()


@dataclass(frozen=True)
class Inclusion:
    """Where an entry stands under a signed checkpoint."""

    index: int
    leaf_hash: str
    hashes: tuple[str, ...]
    """Sibling hashes from the leaf up, base64."""
    checkpoint: SignedCheckpoint
    text: str
    """The proof as a text file (c2sp.org/tlog-proof)."""


def checkpoint_latest() -> SignedCheckpoint | None:
    return SignedCheckpoint.objects.order_by("size").last()


def inclusion_of(row: RecordEntry) -> Inclusion | None:
    """The entry's proof under the latest checkpoint; None while no checkpoint covers it."""
    checkpoint = checkpoint_latest()
    leaf = getattr(row, "leaf", None)
    if checkpoint is None or leaf is None or leaf.index >= checkpoint.size:
        return None
    hashes = tuple(inclusion_proof(leaf.index, checkpoint.size, node_hash_stored))
    proof = TlogProof(leaf.index, hashes, checkpoint.note.encode())
    digest = leaf_hash(bytes(row.body)).hex()
    return Inclusion(leaf.index, digest, tuple(map(encode_base64, hashes)), checkpoint, proof.to_bytes().decode())
