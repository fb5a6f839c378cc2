"""Texts of the engine that others translate, marked where they stand: the engine itself speaks English."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """Return the text as it is; `manage.py messages_update` finds it by this call."""
    return text
