"""The error that services of every room raise when an account may not do what it asked for."""

from __future__ import annotations


class NotAllowedError(Exception):
    """This account may not do this; the message says why and is shown to whoever asked."""
