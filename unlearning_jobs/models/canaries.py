"""Draws of canaries: which half of them a model was trained on, sealed until it is judged (docs/canaries.md)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from compliance.encryption import EncryptedTextField
from compliance.formats.canaries import draw_reference

from .corpora import CorpusSnapshot
from .jobs import Job
from .versions import ModelVersion


class CanaryDraw(models.Model):
    """One draw, for the training that one job does. A model that is trained again has another."""

    model_name = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    """Which draw of this name it is, from 1."""
    job = models.OneToOneField(Job, on_delete=models.PROTECT, null=True, related_name="draw")
    """The training; null only within the transaction that draws, which comes before the job."""
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, related_name="draws")
    ids: models.JSONField[list[str], list[str]] = models.JSONField()
    """Every canary that was drawn among, sorted: those of the corpus that had not been erased."""
    secret = EncryptedTextField()
    """In hex. With the ids, it says which half was trained on."""
    commitment = models.CharField(max_length=64, unique=True)
    """As it stands in the record since before the training."""
    drawn_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True)
    opened_for = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="draws_opened")
    """The version that was judged by it."""
    judgement: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    """engine.canaries.judgement.CanaryJudgement, as JSON; empty while it is sealed."""

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["model_name", "number"], name="canary_draw_once"),
            models.CheckConstraint(
                name="canary_draw_opened_in_full",
                condition=Q(opened_at=None, opened_for=None, judgement={})
                | (Q(opened_at__isnull=False, opened_for__isnull=False) & ~Q(judgement={})),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name}, draw {self.number}"

    @property
    def subject(self) -> str:
        """The name of its model in the record."""
        return f"model:{self.model_name}"

    @property
    def reference(self) -> str:
        """What the draw calls its model."""
        return draw_reference(self.subject, self.number)
