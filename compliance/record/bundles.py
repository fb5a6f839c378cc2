"""Makes evidence bundles from the database: seals a history in the record, then writes the bundle as a folder.

In between, the signing process signs a checkpoint that covers the seal. Nothing here needs a key: a bundle contains copies.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.evidence import dsse
from compliance.evidence.bundle import ProvenEntry, write_bundle
from compliance.evidence.consistency import OlderCheckpoint
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import RELEASE, UNLEARNING_REPORT, Statement, UnlearningReport
from compliance.formats.merkle import consistency_proof, inclusion_proof
from compliance.formats.record_kinds import RecordKind

from .models import Attestation, RecordEntry, SignedCheckpoint, TrustManifest
from .selectors import entries_by_digest, entries_of, registering_entries, signing_refused
from .services import node_hash_stored, record_append, record_number_next

CHECKPOINT_TASK = "compliance.record_checkpoint"


class BundleNotReadyError(Exception):
    """The evidence cannot be exported yet; the message says what is missing."""


@transaction.atomic
def bundle_seal(*, subject: str, actor: str) -> RecordEntry:
    """Close the subject's history with a seal that counts its entries, and return the seal. A sealed history stays as it is.

    A bundle ends with its seal, so that dropping entries at the end shows. Later entries need a later seal.

    Raises:
        BundleNotReadyError: the record contains nothing about the subject, or a report or release is not signed yet.
    """
    # 1. Take the next number first: it locks the subject's history until this transaction ends.
    number = record_number_next(subject)
    last = RecordEntry.objects.filter(subject=subject).order_by("number").last()
    if last is None:
        message = f"The record contains nothing about {subject}."
        raise BundleNotReadyError(message)
    # 2. Refuse a history whose bundle would not verify.
    _check_signed(subject)
    # 3. Append the seal, unless nothing has happened since the last one.
    if last.kind == RecordKind.RECORD_SEALED:
        return last
    return record_append(subject=subject, kind=RecordKind.RECORD_SEALED, actor=actor, data={"entries": number})


def bundle_ready(subject: str) -> bool:
    """Return whether the newest entry is a seal and a signed checkpoint covers it."""
    last = RecordEntry.objects.filter(subject=subject).order_by("number").select_related("leaf").last()
    if last is None or last.kind != RecordKind.RECORD_SEALED or not hasattr(last, "leaf"):
        return False
    return SignedCheckpoint.objects.filter(size__gt=last.leaf.index).exists()


def bundle_write(subject: str, folder: Path) -> None:
    """Write the bundle of a sealed history. `folder` appears complete or not at all.

    Raises:
        BundleNotReadyError: the history is not sealed, or no checkpoint covers the seal yet.
        FormatError: `folder` already exists.
    """
    # 1. Find the newest seal and a checkpoint that covers it.
    seal = RecordEntry.objects.filter(subject=subject, kind=RecordKind.RECORD_SEALED).order_by("number").last()
    checkpoint = _covering(max(seal.leaf.index, _turning_point())) if seal and hasattr(seal, "leaf") else None
    if seal is None or checkpoint is None:
        message = "The history is not sealed, or the signing process has not signed a checkpoint that covers the seal yet."
        raise BundleNotReadyError(message)
    # 2. Collect the history up to the seal, what was signed in it, and the keys. Later entries belong to a later seal.
    history = list(RecordEntry.objects.filter(subject=subject, number__lte=seal.number).select_related("leaf"))
    attestations = _attestations_of(history)
    trust = _trust_under(checkpoint)
    referenced = [one for one in _referenced(attestations, trust, history) if one.leaf.index < checkpoint.size]
    others = [*referenced, *_turning_points(RecordKind.LOG_RECOVERED, checkpoint.size)]
    # 3. Write it, with a proof under this checkpoint for every entry.
    write_bundle(
        folder,
        checkpoint=checkpoint.note.encode(),
        record=_proven([*history, *others], checkpoint.size),
        envelopes=[bytes(attestation.envelope) for attestation in attestations],
        report_files={name: settings.ARTEFACTS / path for row in attestations for name, path in row.files.items()},
        trust=bytes(trust.body),
        older=_older(history, checkpoint),
    )


def _covering(index: int) -> SignedCheckpoint | None:
    """Return the first checkpoint that covers an entry: whoever exports a bundle later gets the same one."""
    return SignedCheckpoint.objects.filter(size__gt=index).order_by("size").first()


def _turning_points(kind: RecordKind, size: int | None = None) -> list[RecordEntry]:
    rows = RecordEntry.objects.filter(kind=kind, leaf__isnull=False).select_related("leaf").order_by("leaf__index")
    return list(rows if size is None else rows.filter(leaf__index__lt=size))


def _turning_point() -> int:
    """Return the index of the last entry that changed the keys, or started the log again: bundles come after it."""
    turns = [*_turning_points(RecordKind.KEYS_PUBLISHED), *_turning_points(RecordKind.LOG_RECOVERED)]
    return max((entry.leaf.index for entry in turns), default=0)


def _older(history: Iterable[RecordEntry], checkpoint: SignedCheckpoint) -> list[OlderCheckpoint]:
    """Return the earlier checkpoints under which the request's statements were signed and its bundles exported.

    An auditor who has an earlier bundle of the request finds its checkpoint here, with the proof that nothing was rewritten.
    """
    kinds = (RecordKind.ATTESTATION_SIGNED, RecordKind.RECORD_SEALED)
    places = [entry.leaf.index for entry in history if entry.kind in kinds]
    turns = [*_turning_points(RecordKind.KEYS_PUBLISHED), *_turning_points(RecordKind.LOG_RECOVERED)]
    indexes = {max(place, turn) for place in places for turn in [0, *(entry.leaf.index for entry in turns)]}
    found = {one.size: one for index in indexes if (one := _covering(index)) and one.size < checkpoint.size}
    return [
        OlderCheckpoint.of(one.note, consistency_proof(one.size, checkpoint.size, node_hash_stored))
        for _size, one in sorted(found.items())
    ]


def _check_signed(subject: str) -> None:
    """Raise BundleNotReadyError while a completed run or a release has no attestation: the bundle would not verify."""
    expected = {
        (UNLEARNING_REPORT if entry.kind == RecordKind.JOB_COMPLETED else RELEASE, *entry.attempt)
        for entry in entries_of(subject=subject, kinds=(RecordKind.JOB_COMPLETED, RecordKind.ITEM_RELEASED))
    }
    signed = set(Attestation.objects.filter(subject=subject).values_list("predicate_type", "item", "attempt"))
    if expected - signed:
        message = "A report or a release is not signed yet. Try again in a minute."
        if signing_refused(subject):
            message = "A report or a release is not signed: the signing process refused it, as contradicting the record."
        raise BundleNotReadyError(message)


def _attestations_of(history: Iterable[RecordEntry]) -> list[Attestation]:
    """Return the attestations that these entries announce."""
    digests = [
        EntryBody.from_bytes(bytes(entry.body)).data["envelope_sha256"]
        for entry in history
        if entry.kind == RecordKind.ATTESTATION_SIGNED
    ]
    return list(Attestation.objects.filter(sha256__in=digests).order_by("id"))


def _trust_under(checkpoint: SignedCheckpoint) -> TrustManifest:
    """Return the newest trust file whose publication the checkpoint covers."""
    published = (
        RecordEntry.objects.filter(kind=RecordKind.KEYS_PUBLISHED, leaf__index__lt=checkpoint.size).order_by("id").last()
    )
    if published is None:
        message = "The signing process has not published its keys yet."
        raise BundleNotReadyError(message)
    return TrustManifest.objects.get(sha256=EntryBody.from_bytes(bytes(published.body)).data["trust_sha256"])


def _proven(entries: Iterable[RecordEntry], size: int) -> list[ProvenEntry]:
    stored = cache(node_hash_stored)  # one entry's proof has most hashes of the next one's
    places = [(EntryBody.from_bytes(bytes(entry.body)), entry.leaf.index) for entry in entries]
    return [ProvenEntry.of(body, index, inclusion_proof(index, size, stored)) for body, index in places]


def _referenced(
    attestations: Iterable[Attestation], trust: TrustManifest, history: Iterable[RecordEntry]
) -> list[RecordEntry]:
    """Return the entries of other subjects that the bundle relies on: keys, snapshots, models, checkpoints and draws."""
    envelopes = (dsse.Envelope.from_bytes(bytes(attestation.envelope)) for attestation in attestations)
    predicates = [Statement.from_bytes(envelope.body).predicate for envelope in envelopes]
    reports = [predicate for predicate in predicates if isinstance(predicate, UnlearningReport)]
    published = entries_by_digest({(RecordKind.KEYS_PUBLISHED, "trust_sha256", trust.sha256)})
    return published + registering_entries(reports, [EntryBody.from_bytes(bytes(entry.body)) for entry in history])
