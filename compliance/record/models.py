"""The record: append-only entries, the Merkle tree over them, signed checkpoints and attestations.

Rows of these tables never change: triggers refuse UPDATE, DELETE and TRUNCATE (migrations 0002 and 0004). A superuser can
still disable a trigger; the signing process's own copy of the last head shows it (`head.py`).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RecordEntry(models.Model):
    """Something that happened. Written in the same transaction as the change itself, and placed in the tree afterwards."""

    subject = models.CharField(max_length=80)
    """An opaque reference: `request:LE-...`, `model:...`, `corpus:...`, `keys:published`."""
    number = models.PositiveIntegerField()
    """1, 2, 3, ... for each subject, so that a missing entry shows."""
    kind = models.CharField(max_length=60)
    body = models.BinaryField()
    """The canonical JSON that is hashed into the leaf (`EntryBody`)."""
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
    """The hash of a complete subtree of 2**level leaves, the first of which is leaf index * 2**level."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="record_node_once")]


class SignedCheckpoint(models.Model):
    """The log's size and root at some time, signed (C2SP signed note)."""

    size = models.BigIntegerField(unique=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)


class SignerAlarm(models.Model):
    """The signing process raised or cleared its alarm. The newest row says whether the alarm stands."""

    class State(models.TextChoices):
        RAISED = "raised"
        CLEARED = "cleared"

    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="signer_alarm_state_known", condition=models.Q(state__in=["raised", "cleared"]))
        ]


class TrustManifest(models.Model):
    """A published trust file: which keys may sign what. Its digest is in the record."""

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
    """The report's files: name in the bundle, such as `report/item-1-1/result.json`, to path below ARTEFACTS."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "item", "attempt", "predicate_type"], name="attestation_once")
        ]
