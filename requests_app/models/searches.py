"""Searches: those that are due, what each of them did, and the matches that they found."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from compliance.encryption import EncryptedTextField
from unlearning_jobs.leases import Leased
from unlearning_jobs.models import CorpusSnapshot

from .requests import ErasureRequest


class SearchOrder(Leased):
    """A search that is due for a request: the row that a worker takes under a lease, and on which it reports.

    What it found is in `Search` and `Match`, written when it has ended and not before. Like heartbeats, its moves have no
    entries in the record: the order, the end and a failure have.
    """

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="search_orders")
    snapshots_done = models.PositiveSmallIntegerField(default=0)
    snapshots = models.PositiveSmallIntegerField(default=0)
    """How many there are to read; `total` counts their examples."""
    worker = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.CheckConstraint(
                name="search_order_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(name="search_order_runs_bounded", condition=Q(runs__lte=F("max_runs"))),
            models.CheckConstraint(name="search_order_failed_has_error", condition=~Q(state="failed") | ~Q(error_code="")),
            models.UniqueConstraint(
                fields=["request"], condition=Q(state__in=["queued", "running"]), name="search_order_one_live"
            ),
        ]


class Search(models.Model):
    """What one search for a request did: the fact behind every sentence about it. The database refuses changes."""

    class Target(models.TextChoices):
        """How the training data of one model version was searched."""

        SEARCHED = "searched", _("Searched")
        TEXTS_ONLY = "texts_only", _("Texts only: the examples are images or tables")
        UNREADABLE = "unreadable", _("Could not be read")

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="searches")
    number = models.PositiveSmallIntegerField()
    matcher = models.CharField(max_length=40)
    """Version of the matchers (`unlearning_jobs.engine.matching.VERSION`)."""
    queries: models.JSONField[list[dict[str, str]], list[dict[str, str]]] = models.JSONField()
    """What was asked for, without its words: `id`, `kind`, and the `obstacle` that kept it from being searched for."""
    targets: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField()
    """Every active model version: `model`, `version`, `model_sha256`, `snapshot`, `snapshot_sha256` and `outcome`; later,
    also how its texts were searched: `read` (from which index, or why in full) and `swept`, the queries for which all was
    read although there is an index; `unsearched`, the ids of examples that took too long; `checkpoint_sha256` if it started
    from a checkpoint, whose own training data are not here to be searched; and `declared` if it was trained elsewhere."""
    answers: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    """Of each search by meaning or for copies of a picture, in each snapshot: `query`, `snapshot_sha256`, and the index that
    answered (`index_sha256`, `version`), `compared`, `floor`, `found`, and `notes`; or `why` none did."""
    self_test: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    """What the search found of copies of the request's own words: `query`, `edit`, `planted`, `found`."""
    candidates = models.PositiveIntegerField()
    complete = models.BooleanField()
    """Every query was searched for in all contents of the training data of every active version, of which there was one.
    What only helps to find it, such as the answer of a model, and searches that never show that nothing is there, do not
    count (`services.queries.is_needed`)."""
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="search_number_once")]


class Match(models.Model):
    """A candidate example in a snapshot, for an officer to accept or reject."""

    class Decision(models.TextChoices):
        OPEN = "open", _("To be reviewed")
        ACCEPTED = "accepted", _("Accepted")
        REJECTED = "rejected", _("Rejected")

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="matches")
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="+")
    example_id = models.CharField(max_length=40)
    example_set = models.CharField(max_length=40, blank=True)
    """The set of the snapshot that it belongs to; empty for matches found before this was kept."""
    content = models.CharField(max_length=64, blank=True)
    """What it contains, as a keyed digest (`unlearning_jobs.contents.content_digest`): its copies are known of, and it can
    enter the erasure ledger, while its corpus cannot be read. Empty for matches found before this was kept."""
    content_key = models.CharField(max_length=16, blank=True)
    """Id of the ledger's key that made it."""
    reason = EncryptedTextField()
    """Why an officer added it by hand; empty if the search found it."""
    spans: models.JSONField[list[list[int]], list[list[int]]] = models.JSONField()
    """Character spans in the example's document, which begins with its text: [start, end]."""
    methods: models.JSONField[list[str], list[str]] = models.JSONField()
    queries: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    """Ids of the queries that found it (`services/queries.py`); none if an officer added it, or before they were kept."""
    score = models.FloatField()
    because: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    """The rules by which it counts as found; empty for matches found before they were kept."""
    copied = models.PositiveIntegerField(default=0)
    """Most consecutive words shared with what was asked for; 0 where that means nothing."""
    cluster = models.PositiveIntegerField(null=True)
    """Number, within the request, of the identical and near-identical matches that it is decided with; null: of its own."""
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-score", "id"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["request", "cluster"], name="match_by_cluster")]
        constraints = [
            models.UniqueConstraint(fields=["request", "snapshot", "example_id"], name="match_once"),
            models.CheckConstraint(
                name="match_decision_has_author", condition=Q(decision="open") | Q(decided_by__isnull=False)
            ),
        ]
