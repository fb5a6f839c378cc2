"""Interim suppression: what keeps a model silent while a request is open. The weights of the model stay as they are."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from compliance.encryption import EncryptedTextField

from .requests import ErasureRequest


class Suppression(models.Model):
    """A guard that acts at the gateway up to a last day, unless it is ended before."""

    class Guard(models.TextChoices):
        OUTPUT_FILTER = "output_filter", _("Filter of answers")
        INPUT_FILTER = "input_filter", _("Filter of questions")
        PROMPT_GUARD = "prompt_guard", _("Instruction to the model")

    class Why(models.TextChoices):
        TAKEN_BACK = "taken_back", _("taken back")
        RELEASED = "released", _("the unlearned model was released")
        REQUEST_CLOSED = "request_closed", _("the request was closed")
        EXPIRED = "expired", _("its last day passed")

    request = models.ForeignKey(ErasureRequest, on_delete=models.PROTECT, related_name="suppressions")
    number = models.PositiveSmallIntegerField()
    model_name = models.CharField(max_length=40)
    guard = models.CharField(max_length=14, choices=Guard.choices)
    artefact = EncryptedTextField()
    """The guard as JSON. It holds what is kept back, and is emptied when it ends."""
    sha256 = models.CharField(max_length=64)
    """Digest of the guard, which has a salt of its own."""
    until = models.DateField()
    """The last day on which it acts."""
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    handed_over_at = models.DateTimeField(null=True)
    """When a worker first wrote it into the policy that gateways read; null until then."""
    ended_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=14, choices=Why.choices, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="suppression_number_once"),
            models.CheckConstraint(
                name="suppression_ends_for_a_reason",
                condition=(Q(ended_at=None) & Q(why="")) | (Q(ended_at__isnull=False) & ~Q(why="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.reference}/suppression-{self.number}"
