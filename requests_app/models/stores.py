"""Erasures in data stores, for a request: ordered, listed, approved by another officer, carried out, and settled."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from compliance.encryption import EncryptedTextField
from requests_app.states import Ground
from unlearning_jobs.leases import Leased
from unlearning_jobs.models import DataStore
from unlearning_jobs.ringing import Rung
from unlearning_jobs.states import JobState

from .requests import ErasureRequest

OVER: Final = ("nothing", "given_up", "settled")
"""Stages in which nothing more happens."""
CHECKED: Final = ("passed", "failed", "inconclusive")


class StoreErasure(Leased, Rung):
    """One erasure in one data store. What it looks for is encrypted, and emptied when it is over or has passed."""

    class Stage(models.TextChoices):
        FINDING = "finding", _("Searching the store")
        NOTHING = "nothing", _("Nothing found in the store")
        LISTED = "listed", _("List awaits approval")
        ERASING = "erasing", _("Erasing")
        ENDED = "ended", _("Result awaits acceptance")
        SETTLED = "settled", _("Settled")
        GIVEN_UP = "given_up", _("Given up")

    class Verdict(models.TextChoices):
        PASSED = "passed", _("Passed")
        FAILED = "failed", _("Failed")
        INCONCLUSIVE = "inconclusive", _("Inconclusive")

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="store_erasures")
    number = models.PositiveSmallIntegerField()
    store = models.ForeignKey(DataStore, on_delete=models.PROTECT, related_name="+")
    description: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    """The store's, as it was when this was ordered."""
    store_sha256 = models.CharField(max_length=64)
    ground = models.CharField(max_length=10, choices=Ground.choices)
    sought = EncryptedTextField()
    """What is looked for, as JSON (`unlearning_jobs.stores.spec_json`)."""
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.FINDING)
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    documents = models.PositiveIntegerField(default=0)
    """On the list."""
    of = models.PositiveIntegerField(default=0)
    """Documents in the store when the list was made."""
    listing_sha256 = models.CharField(max_length=64, blank=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    deleting = models.BooleanField(default=False)
    """Deletion has begun, or may have: nobody can take it back."""
    results = models.PositiveSmallIntegerField(default=0)
    """How often it was carried out to a result; the last one counts."""
    verdict = models.CharField(max_length=12, choices=Verdict.choices, blank=True)
    places = models.PositiveIntegerField(default=0)
    """Places of the store that were read back."""
    result_sha256 = models.CharField(max_length=64, blank=True)
    over_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """The officer who settled it or gave it up; null if the claimant withdrew, or nothing was found."""
    over_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="store_erasure_number_once"),
            models.CheckConstraint(
                name="store_erasure_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(name="store_erasure_runs_bounded", condition=Q(runs__lte=F("max_runs"))),
            models.CheckConstraint(name="store_erasure_failed_has_error", condition=~Q(state="failed") | ~Q(error_code="")),
            models.CheckConstraint(
                name="store_erasure_approver_did_not_order",
                condition=Q(approved_by=None) | ~Q(approved_by=F("ordered_by")),
            ),
            models.CheckConstraint(
                name="store_erasure_settled_by_another",
                condition=~Q(stage="settled") | (Q(over_by__isnull=False) & ~Q(over_by=F("approved_by"))),
            ),
            models.CheckConstraint(
                name="store_erasure_carried_out_if_approved",
                condition=Q(stage__in=["finding", "nothing", "listed", "given_up"])
                | (Q(approved_by__isnull=False, documents__gt=0) & ~Q(listing_sha256="")),
            ),
            models.CheckConstraint(
                name="store_erasure_has_result",
                condition=~Q(stage__in=["ended", "settled"]) | (Q(verdict__in=CHECKED) & ~Q(result_sha256="")),
            ),
            models.CheckConstraint(
                name="store_erasure_over_in_full", condition=Q(stage__in=OVER, over_at__isnull=False) | Q(over_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.reference}/store-{self.number}"

    @property
    def is_over(self) -> bool:
        return self.stage in OVER

    @property
    def has_failed(self) -> bool:
        """Whether a worker could not go on; an officer may have it tried again, or give it up."""
        return self.state == JobState.FAILED

    @property
    def is_under_way(self) -> bool:
        return self.state in {JobState.QUEUED, JobState.RUNNING}
