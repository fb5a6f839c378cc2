"""Corpora, their snapshots and indexes, and the erasure ledger. They hold example ids and digests."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from unlearning_jobs.leases import Leased
from unlearning_jobs.ringing import Rung


class Corpus(models.Model):
    """A training data set with a name."""

    name = models.SlugField(max_length=40, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "corpora"

    def __str__(self) -> str:
        return self.name


class CorpusSnapshot(models.Model):
    """An immutable, digested state of a corpus."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="snapshots")
    digest = models.CharField(max_length=64, unique=True)
    merkle_root = models.CharField(max_length=64)
    path = models.CharField(max_length=300)
    """Below ARTEFACTS."""
    counts: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField()
    """Examples per set: train, held_out, and named probe sets."""
    compared_with = models.PositiveBigIntegerField(default=0)
    """Id of the newest entry of the erasure ledger that its examples have been compared with."""
    contents_key = models.CharField(max_length=16, blank=True)
    """Id of the ledger's key under which `TrainingContent` has its training examples; empty while it has none."""
    stamp: models.JSONField[dict[str, list[int]], dict[str, list[int]]] = models.JSONField(default=dict)
    """What the file system said of its files when they were last checked against the digest (`stamps.stamp_of`)."""
    checked_at = models.DateTimeField(null=True)
    """When every byte was last checked."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"{self.corpus.name} {self.digest[:12]}"

    @property
    def erased_ids(self) -> frozenset[str]:
        """Training examples that the erasure ledger names, as far as the snapshot has been compared with it."""
        return frozenset(place.example_id for place in self.erased_examples.all() if place.in_training)


class TrainingContent(models.Model):
    """What a training example contains, as a digest: so copies of it are known of while the files cannot be read."""

    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="training_contents", db_index=False)
    content = models.CharField(max_length=64)
    """HMAC-SHA-256 under the snapshot's `contents_key` (`contents.content_digest`)."""
    example_id = models.CharField(max_length=40)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["snapshot", "content"], name="training_content")]


class ContentsKey(models.Model):
    """The key under which contents are noted, in its only row: the oldest of the ledger as the first was noted.

    Under another one, nothing could be compared with what was noted before.
    """

    key_id = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_key_of_contents")
        ]


class CorpusIndex(Leased, Rung):
    """An index of a snapshot: the row that a worker takes under a lease, and on which it reports. Searches do without it."""

    class Kind(models.TextChoices):
        """What it is asked for."""

        TEXTS = "texts", _("Passages, names and identifiers")
        MEANING = "meaning", _("Meaning")
        IMAGES = "images", _("Copies of images")

    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="indexes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of the file in which a finished index describes itself."""
    stamp: models.JSONField[dict[str, list[int]], dict[str, list[int]]] = models.JSONField(default=dict)
    """As that of a snapshot."""

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "kind"], name="corpus_index_once"),
            models.CheckConstraint(
                name="corpus_index_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(name="corpus_index_runs_bounded", condition=Q(runs__lte=F("max_runs"))),
            models.CheckConstraint(name="corpus_index_built_has_digest", condition=~Q(state="completed") | ~Q(digest="")),
        ]

    @property
    def path(self) -> str:
        """Below ARTEFACTS, beside its snapshot."""
        return f"{self.snapshot.path}.{self.kind}"


class ErasureEntry(models.Model):
    """One erased example in the erasure ledger. It is in force from the moment it exists, and nothing takes it back.

    It belongs to the content, not to a model or a corpus. It names nobody: without the ledger's key, nobody can tell what
    was digested.
    """

    key_id = models.CharField(max_length=16)
    """Which of LEDGER_KEYS made the digest."""
    digest = models.CharField(max_length=64)
    """HMAC-SHA-256 of the example's content (`engine.corpora.erasure_content`)."""
    subject = models.CharField(max_length=80)
    """With `item` and `attempt`: the release that carried the erasure out, and its entry in the record. Opaque."""
    item = models.CharField(max_length=40)
    """Empty, with attempt 0: the request ended, and no model in use knew the example; none is to learn it."""
    attempt = models.PositiveIntegerField()
    snapshot_sha256 = models.CharField(max_length=64)
    """With `example_id`: where it was erased first. The snapshot may be unknown to a database that was restored."""
    example_id = models.CharField(max_length=40)
    entered_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "item", "snapshot_sha256", "example_id"], name="erasure_entry_once")
        ]


class ErasedExample(models.Model):
    """A place where erased content lies in a snapshot, found by comparing the snapshot with the ledger."""

    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="erased_examples")
    example_id = models.CharField(max_length=40)
    entry = models.ForeignKey(ErasureEntry, on_delete=models.PROTECT, related_name="places")
    in_training = models.BooleanField()
    """Whether models would be trained on it; trainings leave it out then. Other sets only measure."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "example_id", "entry"], name="erased_example_once")]
