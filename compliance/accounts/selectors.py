"""Reads accounts."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.evidence.record import ACCOUNT_PREFIX

from .models import Account


def account_names(actors: Iterable[str]) -> dict[str, str]:
    """Return the user names of the accounts among `actors`, by their names in the record, in one query."""
    ids = {int(actor.removeprefix(ACCOUNT_PREFIX)) for actor in actors if actor.startswith(ACCOUNT_PREFIX)}
    return {account.opaque: account.username for account in Account.objects.filter(pk__in=ids)}
