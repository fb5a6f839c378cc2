"""Evidence bundles from the database: sealed in the record, covered by a checkpoint, then written as a folder.

No key is needed here. The signing process signs the checkpoint that covers the seal; the bundle only copies.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.evidence import dsse
from compliance.evidence.bundle import ProvenEntry, write_bundle
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import RELEASE, UNLEARNING_REPORT, Statement, UnlearningReport
from compliance.formats.merkle import inclusion_proof
from compliance.formats.record_kinds import RecordKind

from .models import Attestation, RecordEntry, SignedCheckpoint, TrustManifest
from .selectors import entries_of
from .services import node_hash_stored, record_append, record_number_next

CHECKPOINT_TASK = "compliance.record_checkpoint"


class BundleNotReadyError(Exception):
    """The evidence cannot be exported yet; the message says what is awaited."""


@transaction.atomic
def bundle_seal(*, subject: str, actor: str) -> RecordEntry:
    """Closes the subject's history with a seal that counts its entries, unless it is sealed already, and returns the seal.

    A bundle ends with its seal, so nobody can drop entries at the end unnoticed. Later entries need a later seal.

    Raises:
        BundleNotReadyError: nothing is recorded, or a run or a release still waits for its signature.
    """
    number = record_number_next(subject)
    last = RecordEntry.objects.filter(subject=subject).order_by("number").last()
    if last is None:
        message = f"There is nothing in the record about {subject}."
        raise BundleNotReadyError(message)
    _check_signed(subject)
    if last.kind == RecordKind.RECORD_SEALED:
        return last
    return record_append(subject=subject, kind=RecordKind.RECORD_SEALED, actor=actor, data={"entries": number})


def bundle_ready(subject: str) -> bool:
    """Whether the newest entry is a seal and a signed checkpoint covers it."""
    last = RecordEntry.objects.filter(subject=subject).order_by("number").select_related("leaf").last()
    if last is None or last.kind != RecordKind.RECORD_SEALED or not hasattr(last, "leaf"):
        return False
    return SignedCheckpoint.objects.filter(size__gt=last.leaf.index).exists()


def bundle_write(subject: str, folder: Path) -> None:
    """Writes the bundle of a sealed subject; `folder` appears complete or not at all.

    Raises:
        BundleNotReadyError: it is not sealed, or no checkpoint covers the seal yet.
        FormatError: `folder` exists already.
    """
    seal = RecordEntry.objects.filter(subject=subject, kind=RecordKind.RECORD_SEALED).order_by("number").last()
    checkpoint = SignedCheckpoint.objects.order_by("size").last()
    if seal is None or checkpoint is None or not hasattr(seal, "leaf") or seal.leaf.index >= checkpoint.size:
        message = "The record is not sealed, or the signing process has not signed a checkpoint over the seal yet."
        raise BundleNotReadyError(message)
    history = list(RecordEntry.objects.filter(subject=subject, number__lte=seal.number).select_related("leaf"))
    attestations = _attestations_of(history)
    trust = _trust_under(checkpoint)
    write_bundle(
        folder,
        checkpoint=checkpoint.note.encode(),
        record=[_proven(entry, checkpoint.size) for entry in [*history, *_referenced(attestations, trust)]],
        envelopes=[bytes(attestation.envelope) for attestation in attestations],
        report_files={name: settings.ARTEFACTS / path for a in attestations for name, path in a.files.items()},
        trust=bytes(trust.body),
    )


def _check_signed(subject: str) -> None:
    """Refuses while a completed run has no report, or a release no attestation: the bundle would not verify."""
    needed = {
        (UNLEARNING_REPORT if entry.kind == RecordKind.JOB_COMPLETED else RELEASE, *entry.attempt)
        for entry in entries_of(subject=subject, kinds=(RecordKind.JOB_COMPLETED, RecordKind.ITEM_RELEASED))
    }
    signed = set(Attestation.objects.filter(subject=subject).values_list("predicate_type", "item", "attempt"))
    if needed - signed:
        message = "A report or a release still waits for the signing process. Try again in a minute."
        raise BundleNotReadyError(message)


def _attestations_of(history: Iterable[RecordEntry]) -> list[Attestation]:
    """The attestations that these entries announce; later ones belong to a later seal."""
    digests = [
        EntryBody.from_bytes(bytes(entry.body)).data["envelope_sha256"]
        for entry in history
        if entry.kind == RecordKind.ATTESTATION_SIGNED
    ]
    return list(Attestation.objects.filter(sha256__in=digests).order_by("id"))


def _trust_under(checkpoint: SignedCheckpoint) -> TrustManifest:
    """The newest trust file whose publication the checkpoint covers."""
    published = (
        RecordEntry.objects.filter(kind=RecordKind.KEYS_PUBLISHED, leaf__index__lt=checkpoint.size).order_by("id").last()
    )
    if published is None:
        message = "The signing process has not published its keys yet."
        raise BundleNotReadyError(message)
    return TrustManifest.objects.get(sha256=EntryBody.from_bytes(bytes(published.body)).data["trust_sha256"])


def _proven(entry: RecordEntry, size: int) -> ProvenEntry:
    body = EntryBody.from_bytes(bytes(entry.body))
    return ProvenEntry.of(body, entry.leaf.index, inclusion_proof(entry.leaf.index, size, node_hash_stored))


def _referenced(attestations: Iterable[Attestation], trust: TrustManifest) -> list[RecordEntry]:
    """The entries of other subjects that the reports rest on: keys, snapshots, models that runs started from."""
    wanted = {(RecordKind.KEYS_PUBLISHED, "trust_sha256", trust.sha256)}
    for attestation in attestations:
        predicate = Statement.from_bytes(dsse.Envelope.from_bytes(bytes(attestation.envelope)).body).predicate
        if isinstance(predicate, UnlearningReport):
            wanted.add((RecordKind.CORPUS_REGISTERED, "snapshot_sha256", predicate.snapshot_sha256))
            wanted.add((RecordKind.MODEL_REGISTERED, "model_sha256", predicate.base_model_sha256))
    found: dict[tuple[str, str, str], RecordEntry] = {}
    for entry in RecordEntry.objects.filter(kind__in={kind for kind, _, _ in wanted}).select_related("leaf"):
        data = EntryBody.from_bytes(bytes(entry.body)).data
        for key in wanted:
            kind, field, value = key
            if entry.kind == kind and data.get(field) == value:
                found.setdefault(key, entry)  # the first registration counts when a digest came up twice
    return list(found.values())
