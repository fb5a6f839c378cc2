"""E-mails to claimants, answers that nobody has sent yet, and counts of uses of forms."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from unlearning_jobs.ringing import Rung

from .requests import ErasureRequest


class Message(Rung):
    """An e-mail to the claimant: queued with the change that causes it, sent by a worker, retried for days if it fails."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        LAPSED = "lapsed", _("No longer due")

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="messages")
    template = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    """Attempts since it was queued, one that is under way included."""
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    """Not before; null once it is sent or given up. While an attempt is under way, when its worker counts as lost."""
    error = models.CharField(max_length=80, blank=True)
    """The class of the last attempt's error, never its text: mail servers repeat addresses in it. Empty while being sent."""
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="message_waiting_has_next_attempt", condition=~Q(state="waiting") | Q(next_attempt_at__isnull=False)
            ),
        ]


class UnsentAnswers(models.Model):
    """Answers that have not been sent (`requests_app.services.drafts`); the browser's session has the key."""

    key = models.CharField(max_length=64, primary_key=True)
    sealed = models.BinaryField()
    """Encrypted as `SEALED_AS`; see `requests_app.public.draft`."""
    SEALED_AS = "session.request_draft"
    touched_at = models.DateTimeField(db_index=True)


class UseCount(models.Model):
    """How often somebody has used a public form in an hour (`requests_app.services.limits`)."""

    key = models.CharField(max_length=64, primary_key=True)
    """A keyed digest of the form and of who used it: neither a network nor an e-mail address can be read from it."""
    uses = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)
    """When the hour began: with the first use."""
