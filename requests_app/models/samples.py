"""Samples of what a search for a name had not found: drawn by a worker, looked at by officers."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from unlearning_jobs.leases import Leased
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.ringing import Rung
from unlearning_jobs.states import JobState

from .requests import ErasureRequest
from .searches import Search


class MissedSample(Leased, Rung):
    """A sample of what a search had not found in a snapshot: the order, what was drawn, and how it ended.

    Its size and seed are fixed before anybody looks, and the database refuses to change or delete it: a sample that is drawn
    again until it pleases proves nothing.
    """

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="samples")
    number = models.PositiveSmallIntegerField()
    search = models.ForeignKey(Search, on_delete=models.PROTECT, related_name="samples")
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="+")
    size = models.PositiveSmallIntegerField()
    """How many are drawn of each group, if it has so many."""
    seed = models.BigIntegerField()
    """Of the draw. The system chose it."""
    matcher = models.CharField(max_length=40, blank=True)
    """Version of the matchers that told the groups apart; empty until it is drawn."""
    known = models.PositiveIntegerField(null=True)
    """How many were left out: matches of the request, and what the erasure ledger names."""
    added = models.PositiveIntegerField(null=True)
    """How many of them were accepted, and had been added by hand or as copies: no search had found them until then."""
    populations: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    """How many of each group the search had not found; empty until it is drawn."""
    at_most = models.PositiveIntegerField(null=True)
    """How many can be missed at most, once somebody has looked at all."""
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    looked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """The officer who finished it."""
    looked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="sample_number_once"),
            models.UniqueConstraint(
                fields=["request", "snapshot"],
                condition=Q(state__in=["queued", "running", "completed"], looked_at=None),
                name="sample_one_unfinished",
            ),
            models.CheckConstraint(
                name="sample_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(name="sample_runs_bounded", condition=Q(runs__lte=F("max_runs"))),
            models.CheckConstraint(name="sample_failed_has_error", condition=~Q(state="failed") | ~Q(error_code="")),
            models.CheckConstraint(
                name="sample_finished_is_drawn",
                condition=Q(looked_at=None) | Q(state="completed", looked_by__isnull=False, at_most__isnull=False),
            ),
        ]

    @property
    def is_drawn(self) -> bool:
        return self.state == JobState.COMPLETED

    @property
    def is_finished(self) -> bool:
        return self.looked_at is not None


class SampledExample(models.Model):
    """An example that was drawn, and whether it is about the person."""

    class Mark(models.TextChoices):
        OPEN = "open", _("To be looked at")
        ABOUT = "about", _("About the person")
        OTHER = "other", _("Not about the person")

    sample = models.ForeignKey(MissedSample, on_delete=models.PROTECT, related_name="examples")
    group = models.CharField(max_length=20)
    example_id = models.CharField(max_length=40)
    mark = models.CharField(max_length=10, choices=Mark.choices, default=Mark.OPEN)
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    marked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "example_id"], name="sampled_once"),
            models.CheckConstraint(name="sampled_mark_has_author", condition=Q(mark="open") | Q(marked_by__isnull=False)),
        ]
