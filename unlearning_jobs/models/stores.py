"""Data stores that documents can be erased from (docs/stores.md): which there are, and how the engine opens each."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class DataStore(models.Model):
    """A data store. What it is called stays; how it is described may be said anew, and the record has a digest of each."""

    name = models.SlugField(max_length=60, unique=True)
    description: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    """How it is opened, and what is read back with it (`unlearning_jobs/stores.py`). It stays out of the record."""
    digest = models.CharField(max_length=64)
    """SHA-256 of the description."""
    registered_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)
    """When it went: nothing more can be erased from it."""

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [
            models.CheckConstraint(name="store_digest_in_full", condition=Q(digest__regex=r"^[0-9a-f]{64}$")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """Which adapter opens it."""
        return str(self.description["store"]["kind"])

    @property
    def subject(self) -> str:
        """Its name in the record."""
        return f"store:{self.name}"
