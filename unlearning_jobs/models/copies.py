"""Copies and descendants of models and corpora: where else lies what was learned, or what it was learned from."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .corpora import CorpusSnapshot
from .versions import ModelVersion

ONE_ORIGIN = (
    Q(version__isnull=False, snapshot=None, parent=None)
    | Q(version=None, snapshot__isnull=False, parent=None)
    | Q(version=None, snapshot=None, parent__isnull=False)
)


class Copy(models.Model):
    """A copy or descendant of a model version, of a snapshot, or of another copy. So copies are trees."""

    class Kind(models.TextChoices):
        ADAPTER = "adapter", _("Adapter")
        MERGE = "merge", _("Merged model")
        QUANTISED = "quantised", _("Quantised model")
        DISTILLED = "distilled", _("Distilled model")
        DEPLOYMENT = "deployment", _("Deployment")
        LICENSEE = "licensee", _("Copy at a licensee")
        BACKUP = "backup", _("Back-up")
        EVALUATION_SET = "evaluation_set", _("Evaluation set")
        CACHE = "cache", _("Cache")

    name = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=14, choices=Kind.choices)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="copies")
    snapshot = models.ForeignKey(CorpusSnapshot, on_delete=models.PROTECT, null=True, related_name="copies")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    """What it was made from: one of these three."""
    place = models.TextField(max_length=500)
    """Where it is, in words for staff. It stays out of the record: it may name people."""
    sha256 = models.CharField(max_length=64, blank=True)
    """Digest of its file, if somebody gave it; of what Lethe found, of its weights."""
    discovered = models.BooleanField(default=False)
    """Whether Lethe found it itself."""
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """Null: on the command line."""
    registered_at = models.DateTimeField(auto_now_add=True)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    retired_at = models.DateTimeField(null=True)
    """When it went: nobody has it any more. What was made from it may be there still."""

    class Meta:
        verbose_name_plural = "copies"
        ordering: ClassVar[list[str]] = ["id"]
        constraints = [
            models.CheckConstraint(name="copy_of_one_thing", condition=ONE_ORIGIN),
            models.CheckConstraint(name="copy_not_of_itself", condition=Q(parent=None) | ~Q(parent=F("pk"))),
            models.CheckConstraint(name="copy_retired_in_full", condition=Q(retired_by=None) | Q(retired_at__isnull=False)),
            models.UniqueConstraint(
                fields=["version", "place"], condition=Q(discovered=True, retired_at=None), name="copy_found_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def root(self) -> ModelVersion | CorpusSnapshot:
        """The model version or snapshot that its tree grows from."""
        copy = self
        while copy.parent is not None:
            copy = copy.parent
        root = copy.version or copy.snapshot
        assert root is not None, "a constraint of the database"  # noqa: S101  # for the types
        return root

    @property
    def subject(self) -> str:
        """The name, in the record, of the model or corpus that it comes from."""
        root = self.root
        return root.subject if isinstance(root, ModelVersion) else f"corpus:{root.corpus.name}"
