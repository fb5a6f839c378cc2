"""Accounts of the people who work here, and what is kept for signing in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from .roles import ROLES, Act, Role


class Account(AbstractUser):
    """A member of staff, with one role."""

    role = models.CharField(max_length=20, choices=Role.choices)
    REQUIRED_FIELDS = ["role"]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(name="account_role_known", condition=models.Q(role__in=[role.value for role in Role]))
        ]

    @property
    def opaque(self) -> str:
        """The name of this account in the record, which does not reveal the person."""
        return f"account:{self.pk}"

    @property
    def acts(self) -> frozenset[Act]:
        """Everything that this account's role may do; nothing once the account is closed."""
        return ROLES[Role(self.role)].acts if self.is_active else frozenset()

    def may(self, act: Act) -> bool:
        """Return whether this account may do `act`."""
        return act in self.acts


class SignInCount(models.Model):
    """How often signing in has failed lately for a client, an account or both (`compliance.accounts.throttle`)."""

    key = models.CharField(max_length=64, primary_key=True)
    """A keyed digest: neither an address nor a name can be read from it."""
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    """When the last attempt was counted."""


class BrowserLink(models.Model):
    """A secret link that makes a browser known to an account (`compliance.accounts.browser_links`)."""

    ordered_for = models.CharField(max_length=64, blank=True, db_default="")
    """A keyed digest of the name that was typed: no name that somebody typed by mistake is stored."""
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="browser_links", null=True)
    """Whose name that is; empty until a worker has looked."""
    ordered_at = models.DateTimeField()
    language = models.CharField(max_length=8)
    """The language of the page on which it was ordered."""
    token_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    """Digest of the token; empty until the link is sent."""
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
