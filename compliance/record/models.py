"""The record: append-only entries, the Merkle tree over them, signed checkpoints and attestations.

Entries, leaves, nodes, checkpoints and attestations are never changed: triggers refuse UPDATE, DELETE and TRUNCATE
(migration 0002). A superuser can still lift a trigger; that is what the signed checkpoints outside the database are for.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RecordEntry(models.Model):
    """Something that happened. Written in the transaction of the change itself; sequenced into the tree afterwards."""

    subject = models.CharField(max_length=80)
    """Opaque: `request:LE-...`, `model:...`, `corpus:...`, `keys`."""
    number = models.PositiveIntegerField()
    """1, 2, 3, ... per subject, so that a missing entry shows."""
    kind = models.CharField(max_length=60)
    body = models.BinaryField()
    """The canonical JSON that is hashed into the leaf."""
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [models.UniqueConstraint(fields=["subject", "number"], name="record_entry_numbered_per_subject")]

    def __str__(self) -> str:
        return f"{self.subject} {self.number} {self.kind}"


class RecordLeaf(models.Model):
    """An entry's place in the Merkle log."""

    index = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(RecordEntry, on_delete=models.PROTECT, related_name="leaf")


class RecordNode(models.Model):
    """The hash of a complete subtree: 2**level leaves from leaf index * 2**level on. Level 0 are the leaf hashes."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="record_node_once")]


class SignedCheckpoint(models.Model):
    """A signed head of the log (C2SP signed note)."""

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)


class TrustManifest(models.Model):
    """Which keys may sign what, as published; its digest stands in the record."""

    sha256 = models.CharField(max_length=64, unique=True)
    body = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)


class Attestation(models.Model):
    """A signed in-toto statement: the exact bytes of its DSSE envelope."""

    subject = models.CharField(max_length=80)
    item = models.CharField(max_length=40)
    attempt = models.PositiveIntegerField()
    predicate_type = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, unique=True)
    envelope = models.BinaryField()
    files: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    """Report files that the bundle carries: path in the bundle's report folder -> path below ARTEFACTS."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "item", "attempt", "predicate_type"], name="attestation_once")
        ]
