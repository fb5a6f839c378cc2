"""Requests, and the secret links to them. Identifying fields are encrypted."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from compliance.encryption import EncryptedTextField
from requests_app.states import RequestOutcome, RequestState
from unlearning_jobs.ringing import Rung


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
    """The last day to answer; an extension moves it, once."""
    extended_at = models.DateTimeField(null=True)
    extended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    extension_reasons = EncryptedTextField()
    """Why the answer takes longer, as the claimant reads it."""
    confirmed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    vocabularies = models.PositiveIntegerField(null=True)
    """Models in use as the request was closed whose vocabulary was made from accepted examples; its letter says so."""
    from_checkpoints = models.PositiveIntegerField(null=True)
    """Models in use as the request was closed that started from a checkpoint; 0 if no letter told of its end."""
    declared = models.PositiveIntegerField(null=True)
    """Models in use then that were trained elsewhere, likewise."""

    name = EncryptedTextField()
    email = EncryptedTextField()
    email_index = models.CharField(max_length=64, db_index=True)
    on_behalf = models.BooleanField(default=False)
    contact = EncryptedTextField()
    other_names = EncryptedTextField()
    """One per line."""
    work_title = EncryptedTextField()
    work_text = EncryptedTextField()
    work_picture = EncryptedTextField()
    """A small copy of a picture of the work (`pictures.picture_kept`)."""
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


class AccessLink(models.Model):
    """A secret link that was e-mailed. Only the digest of its token is kept."""

    class Purpose(models.TextChoices):
        CONFIRM = "confirm"
        STATUS = "status"

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="links")
    message = models.ForeignKey("Message", on_delete=models.CASCADE, null=True, related_name="links")
    """The e-mail that it is in; each attempt to send it has links of its own. Null for links made before this was kept."""
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
