"""Reads the record: what happened to a subject, what was signed about it, and where an entry is in the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from compliance.evidence import dsse
from compliance.evidence.consistency import proof_to_bytes
from compliance.evidence.record import REQUEST_PREFIX, EntryBody, deciders, mappers
from compliance.evidence.registered import models_of_items, registered_model
from compliance.evidence.statements import UNLEARNING_REPORT, Statement, UnlearningReport
from compliance.evidence.tlog_proofs import TlogProof
from compliance.evidence.trust import TrustFile
from compliance.formats.canonical import encode_base64
from compliance.formats.errors import VerificationError
from compliance.formats.merkle import consistency_proof, inclusion_proof, leaf_hash
from compliance.formats.record_kinds import RecordKind

from .models import Attestation, RecordEntry, SignedCheckpoint, SignerAlarm, TrustManifest
from .services import node_hash_stored

CHECKPOINT: Final = "checkpoint_sha256"
"""The field that names a checkpoint: of its registration, and of models that started from it."""
COMMITMENT: Final = "commitment_sha256"
"""The field that names a draw of canaries: of the draw itself, and of models that go back to it."""


def entries_of(*, subject: str, kinds: tuple[str, ...] = ()) -> list[EntryBody]:
    """Return the bodies of a subject's entries, oldest first; only those of `kinds`, if given."""
    rows = RecordEntry.objects.filter(subject=subject).order_by("number")
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return [EntryBody.from_bytes(bytes(row.body)) for row in rows]


def request_mappers(*, subject: str, before: int | None = None) -> tuple[str, ...]:
    """Return everyone who ever accepted a match of the request or closed its review, sorted. None of them may approve.

    Taken from the record, as in verification: an acceptance counts even if somebody overruled it later. `before` an entry
    number, if given.
    """
    entries = entries_of(subject=subject, kinds=(RecordKind.MATCH_ACCEPTED, RecordKind.MATCHES_DECIDED))
    return mappers(entries, before or entries[-1].number + 1) if entries else ()


def request_deciders(*, subject: str) -> tuple[str, ...]:
    """Return everyone who ever decided about an example of the request, sorted. None of them may approve its end.

    That nothing was found rests on the rejections and on the samples, and on each of them, whoever decided again afterwards.
    """
    kinds = (RecordKind.MATCH_ACCEPTED, RecordKind.MATCH_REJECTED, RecordKind.SAMPLE_FINISHED)
    entries = entries_of(subject=subject, kinds=kinds)
    return deciders(entries, entries[-1].number + 1) if entries else ()


@dataclass(frozen=True)
class SignedStatement:
    """An attestation and the statement in it."""

    row: Attestation
    statement: Statement
    key_ids: tuple[str, ...]
    """The ids of the published keys that signed it. What the envelope says about its keys is not signed."""

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


def attestation_read(row: Attestation) -> SignedStatement:
    """Read the statement in the row's envelope.

    Raises:
        EvidenceError: the envelope contains something else.
    """
    envelope = dsse.Envelope.from_bytes(bytes(row.envelope))
    return SignedStatement(row, Statement.from_bytes(envelope.body), _signers(envelope))


def _signers(envelope: dsse.Envelope) -> tuple[str, ...]:
    published = trust_published()
    keys = TrustFile.from_bytes(bytes(published.body)).with_role("attestation") if published else ()
    try:
        return tuple(sorted(dsse.verify(envelope, [key.public_key for key in keys])[1]))
    except VerificationError:
        return ()


def signed_report(*, subject: str, item: str, attempt: int) -> Attestation | None:
    """Return the signed report of an attempt at an item, or None if there is none yet."""
    return Attestation.objects.filter(subject=subject, item=item, attempt=attempt, predicate_type=UNLEARNING_REPORT).first()


@dataclass(frozen=True)
class Inclusion:
    """The proof that an entry is in the log under a signed checkpoint."""

    index: int
    leaf_hash: str
    hashes: tuple[str, ...]
    """Sibling hashes from the leaf up, in base64."""
    checkpoint: SignedCheckpoint
    text: str
    """The same proof as a text file (c2sp.org/tlog-proof)."""


def checkpoint_latest() -> SignedCheckpoint | None:
    return SignedCheckpoint.objects.order_by("size").last()


def alarm_standing() -> SignerAlarm | None:
    """Return the signing process's alarm while it stands: the record was changed, and nothing may rest on it."""
    newest = SignerAlarm.objects.order_by("id").last()
    return newest if newest and newest.state == SignerAlarm.State.RAISED else None


def refused_words(subject: str) -> str:
    """Return how the signing process says that it does not sign a statement about the subject."""
    return f"a statement about {subject} would contradict the record"


def signing_refused(subject: str) -> bool:
    """Return whether the signing process has refused a statement about the subject, even if its alarm was cleared."""
    alarms = SignerAlarm.objects.filter(state=SignerAlarm.State.RAISED)
    return alarms.filter(reason__contains=refused_words(subject)).exists()


def consistency_of(old: int, new: int) -> bytes | None:
    """Return the proof that the log of `new` entries extends that of `old`, or None if no checkpoint covers them."""
    latest = checkpoint_latest()
    if latest is None or not 0 < old <= new <= latest.size:
        return None
    return proof_to_bytes(consistency_proof(old, new, node_hash_stored))


def entries_by_digest(references: Collection[tuple[RecordKind, str, str]]) -> list[RecordEntry]:
    """Return the first entry for each reference: a kind, a field of it, and the digest that stands there.

    Only where a digest is registered once, as a snapshot, a checkpoint and a trust file are: models can be alike.
    """
    entries: dict[tuple[str, str, str], RecordEntry] = {}
    for reference, entry, _body in _stating(references):
        entries.setdefault(reference, entry)
    return list(entries.values())


def registering_entries(reports: Collection[UnlearningReport], history: Iterable[EntryBody]) -> list[RecordEntry]:
    """Return the entries that registered what reports refer to, and of those models the checkpoints and the draws.

    Args:
        reports: about one request.
        history: the entries of that request, whose items name their models.
    """
    models = _registered_models(reports, models_of_items(history))
    said = [EntryBody.from_bytes(bytes(one.body)).data for one in models]
    corpora = {(RecordKind.CORPUS_REGISTERED, "snapshot_sha256", report.snapshot_sha256) for report in reports}
    started = {(RecordKind.CHECKPOINT_REGISTERED, CHECKPOINT, digest) for data in said if (digest := data.get(CHECKPOINT))}
    return [*entries_by_digest(corpora), *models, *entries_by_digest(started), *_draws_of(models)]


def _draws_of(models: Iterable[RecordEntry]) -> Iterator[RecordEntry]:
    """Yield the draws of canaries that registered models go back to, and what opened them, as far as the log has that."""
    read = [EntryBody.from_bytes(bytes(one.body)) for one in models]
    commitments = {(one.subject, one.data[COMMITMENT]) for one in read if one.data.get(COMMITMENT)}
    rows = RecordEntry.objects.filter(subject__in={subject for subject, _ in commitments}, leaf__isnull=False)
    kinds, drawn = (RecordKind.CANARIES_DRAWN, RecordKind.CANARIES_OPENED), set[tuple[str, object]]()
    for row in rows.filter(kind__in=kinds).order_by("id").select_related("leaf"):
        body = EntryBody.from_bytes(bytes(row.body))
        if (row.subject, body.data.get(COMMITMENT)) in commitments:
            drawn.add((row.subject, body.data["draw"]))
        if (row.subject, body.data["draw"]) in drawn:
            yield row


def _registered_models(reports: Iterable[UnlearningReport], names: Mapping[str, str]) -> list[RecordEntry]:
    wanted = {(report.base_model_sha256, names.get(report.item, "")) for report in reports}
    stating = list(_stating({(RecordKind.MODEL_REGISTERED, "model_sha256", digest) for digest, _name in wanted}))
    bodies = [body for _reference, _entry, body in stating]
    found = (registered_model(bodies, digest, name) for digest, name in sorted(wanted))
    places = {bodies.index(one) for one in found if one is not None}
    return [stating[place][1] for place in sorted(places)]


def _stating(
    references: Collection[tuple[str, str, str]],
) -> Iterator[tuple[tuple[str, str, str], RecordEntry, EntryBody]]:
    """Yield each reference with every entry that states it, oldest first.

    Digests are in the entries' bodies alone, so every entry of these kinds is read.
    """
    kinds = {kind for kind, _, _ in references}
    for entry in RecordEntry.objects.filter(kind__in=kinds).order_by("id").select_related("leaf"):
        body = EntryBody.from_bytes(bytes(entry.body))
        for reference in references:
            kind, field, digest = reference
            if entry.kind == kind and body.data.get(field) == digest:
                yield reference, entry, body


def trust_published() -> TrustManifest | None:
    """Return the newest trust file that the signing process has published, or None before it first signs."""
    return TrustManifest.objects.order_by("id").last()


def inclusion_of(row: RecordEntry) -> Inclusion | None:
    """Return the entry's proof under the latest checkpoint, or None while no checkpoint covers it."""
    checkpoint = checkpoint_latest()
    leaf = getattr(row, "leaf", None)
    if checkpoint is None or leaf is None or leaf.index >= checkpoint.size:
        return None
    hashes = tuple(inclusion_proof(leaf.index, checkpoint.size, node_hash_stored))
    proof = TlogProof(leaf.index, hashes, checkpoint.note.encode())
    digest = leaf_hash(bytes(row.body)).hex()
    return Inclusion(leaf.index, digest, tuple(map(encode_base64, hashes)), checkpoint, proof.to_bytes().decode())
