"""Marks texts for translation in packages that import no Django; whoever shows them calls gettext."""

from __future__ import annotations


def gettext_noop(message: str) -> str:
    """Return the message unchanged. `manage.py messages_update` finds it by this call."""
    return message
