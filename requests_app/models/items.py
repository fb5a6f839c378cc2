"""Items, the proposals for them, and ends without unlearning."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from compliance.encryption import EncryptedTextField
from requests_app.states import ENDINGS, Ground, ItemState, RequestOutcome
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.ringing import Rung

from .requests import ErasureRequest
from .searches import Search


class Item(models.Model):
    """The accepted examples of a request in one model, decided and carried out on their own."""

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="items")
    number = models.PositiveSmallIntegerField()
    model_name = models.CharField(max_length=40)
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="+")
    example_ids: models.JSONField[list[str], list[str]] = models.JSONField()
    state = models.CharField(max_length=18, choices=ItemState.choices, default=ItemState.DECIDING)
    ground = models.CharField(max_length=10, choices=Ground.choices, blank=True)
    reasons = EncryptedTextField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="item_number_once"),
            models.CheckConstraint(
                name="item_decided_has_ground",
                condition=Q(state__in=["deciding", "ending", "lapsed"]) | (~Q(ground="") & Q(decided_by__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.reference}/{self.number}"

    @property
    def key(self) -> str:
        """How jobs, attestations and the record name this item below its request."""
        return f"item-{self.number}"


class Proposal(Rung):
    """A method and a protocol proposed for an item, and who proposed, approved and released them. One per attempt."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="proposals")
    number = models.PositiveSmallIntegerField()
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    """The version that was active at the time: the original model of the job."""
    method: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    protocol: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    protocol_sha256 = models.CharField(max_length=64)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    declined_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    declined_at = models.DateTimeField(null=True)
    decline_reason = EncryptedTextField()
    job = models.OneToOneField(Job, on_delete=models.PROTECT, null=True, related_name="+")
    verdict = models.CharField(max_length=12, blank=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(null=True)
    copies: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    """Keys of the copies that had to be settled as it was released."""

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="proposal_number_once"),
            models.CheckConstraint(
                name="proposal_approver_is_not_proposer",
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="proposal_releaser_is_not_approver",
                condition=Q(released_by__isnull=True) | (Q(approved_by__isnull=False) & ~Q(released_by=F("approved_by"))),
            ),
            models.CheckConstraint(
                name="proposal_only_passed_is_released", condition=Q(released_by__isnull=True) | Q(verdict="passed")
            ),
            models.CheckConstraint(
                name="proposal_job_needs_approval", condition=Q(job__isnull=True) | Q(approved_by__isnull=False)
            ),
            models.CheckConstraint(name="proposal_decided_once", condition=Q(approved_by=None) | Q(declined_by=None)),
        ]


class Ending(models.Model):
    """An end without unlearning, of an item or of a whole request: proposed by one officer, approved by another."""

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="endings")
    number = models.PositiveSmallIntegerField()
    item = models.ForeignKey(Item, on_delete=models.PROTECT, null=True, related_name="endings")
    """Null: the request is closed without an item, or examples leave their items."""
    outcome = models.CharField(max_length=14, choices=RequestOutcome.choices)
    ground = models.CharField(max_length=10, choices=Ground.choices, blank=True)
    """The ground of a refusal."""
    reasons = EncryptedTextField()
    """Sentences to the claimant, where the outcome needs them."""
    facts: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField()
    """Accepted examples by what became of them (`services/findings.py`), counted when this was proposed."""
    match_ids: models.JSONField[list[int], list[int]] = models.JSONField(default=list)
    """Keys of the matches that leave their items by it."""
    search = models.ForeignKey(Search, on_delete=models.PROTECT, null=True, related_name="+")
    """The search that it rests on; null if that search was made before searches were kept."""
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    declined_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    declined_at = models.DateTimeField(null=True)
    decline_reason = EncryptedTextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="ending_number_once"),
            models.CheckConstraint(name="ending_known", condition=Q(outcome__in=sorted({*ENDINGS, "not_concerned"}))),
            models.CheckConstraint(name="ending_refusal_has_ground", condition=~Q(outcome="refused") | ~Q(ground="")),
            models.CheckConstraint(
                name="ending_approver_is_not_proposer", condition=Q(approved_by=None) | ~Q(approved_by=F("proposed_by"))
            ),
            models.CheckConstraint(name="ending_decided_once", condition=Q(approved_by=None) | Q(declined_by=None)),
        ]
