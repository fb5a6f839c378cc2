"""The tables about people: requests, matches, items, proposals. Identifying fields are encrypted.

The tables about e-mails, links, unsent answers and uses of forms are in `contact_models.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.ringing import Rung

from .contact_models import AccessLink, Message, UnsentAnswers, UseCount
from .encryption import EncryptedTextField
from .states import ENDINGS, Ground, ItemState, RequestOutcome, RequestState

__all__ = [
    "AccessLink",
    "Ending",
    "ErasureRequest",
    "Item",
    "Match",
    "Message",
    "Proposal",
    "Search",
    "UnsentAnswers",
    "UseCount",
]


class ErasureRequest(Rung):
    """A request for Article 17 erasure or for the revocation of a work."""

    class Kind(models.TextChoices):
        ERASURE = "erasure", _("Erasure of personal data")
        COPYRIGHT = "copyright", _("Revocation of a work")

    reference = models.CharField(max_length=12, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=24, choices=RequestState.choices, default=RequestState.AWAITING_CONFIRMATION)
    outcome = models.CharField(max_length=14, choices=RequestOutcome.choices, blank=True)
    language = models.CharField(max_length=8)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """The member of staff who opened the request for somebody; null if claimants did it themselves."""
    submission_key = models.CharField(max_length=64, unique=True)
    """Digest of the form's key, so that the same form sent twice is one request."""
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """The officer who completed the review of the matches."""
    received_at = models.DateTimeField()
    due_on = models.DateField()
    confirmed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    name = EncryptedTextField()
    email = EncryptedTextField()
    email_index = models.CharField(max_length=64, db_index=True)
    on_behalf = models.BooleanField(default=False)
    contact = EncryptedTextField()
    other_names = EncryptedTextField()  # one per line
    work_title = EncryptedTextField()
    work_text = EncryptedTextField()
    evidence_prompt = EncryptedTextField()
    evidence_output = EncryptedTextField()
    location = EncryptedTextField()
    declared_name = EncryptedTextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(name="request_closed_has_outcome", condition=~Q(state="closed") | ~Q(outcome="")),
            models.CheckConstraint(
                name="request_mapped_is_confirmed",
                condition=Q(state__in=["awaiting_confirmation", "closed"]) | Q(confirmed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def subject(self) -> str:
        """How the record names this request."""
        return f"request:{self.reference}"


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
    """Every active model version: `model`, `version`, `model_sha256`, `snapshot`, `snapshot_sha256` and `outcome`."""
    candidates = models.PositiveIntegerField()
    complete = models.BooleanField()
    """Every query was searched for in all contents of the training data of every active version, of which there was one."""
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
    reason = EncryptedTextField()
    """Why an officer added it by hand; empty if the search found it."""
    spans: models.JSONField[list[list[int]], list[list[int]]] = models.JSONField()
    """Character spans in the example's text: [start, end]."""
    methods: models.JSONField[list[str], list[str]] = models.JSONField()
    score = models.FloatField()
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-score", "id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "snapshot", "example_id"], name="match_once"),
            models.CheckConstraint(
                name="match_decision_has_author", condition=Q(decision="open") | Q(decided_by__isnull=False)
            ),
        ]


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
    """Null: the request is closed without an item."""
    outcome = models.CharField(max_length=14, choices=RequestOutcome.choices)
    ground = models.CharField(max_length=10, choices=Ground.choices, blank=True)
    """The ground of a refusal."""
    reasons = EncryptedTextField()
    """Sentences to the claimant, where the outcome needs them."""
    facts: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField()
    """Accepted examples by what became of them (`services/findings.py`), counted when this was proposed."""
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
            models.CheckConstraint(name="ending_known", condition=Q(outcome__in=sorted(ENDINGS))),
            models.CheckConstraint(name="ending_refusal_has_ground", condition=~Q(outcome="refused") | ~Q(ground="")),
            models.CheckConstraint(
                name="ending_approver_is_not_proposer", condition=Q(approved_by=None) | ~Q(approved_by=F("proposed_by"))
            ),
            models.CheckConstraint(name="ending_decided_once", condition=Q(approved_by=None) | Q(declined_by=None)),
        ]
