"""Accounts of the people who work here."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Account(AbstractUser):
    """A member of staff. One role each, so that an auditor never holds a writing role."""

    class Role(models.TextChoices):
        OFFICER = "officer", _("Officer")
        ENGINEER = "engineer", _("Engineer")
        AUDITOR = "auditor", _("Auditor")
        ADMINISTRATOR = "administrator", _("Administrator")

    role = models.CharField(max_length=20, choices=Role.choices)
    REQUIRED_FIELDS = ["role"]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name="account_role_known", condition=models.Q(role__in=["officer", "engineer", "auditor", "administrator"])
            )
        ]

    @property
    def opaque(self) -> str:
        """How the record names this account."""
        return f"account:{self.pk}"
