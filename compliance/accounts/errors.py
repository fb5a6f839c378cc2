"""What the services of every room raise when an account may not do what was asked."""

from __future__ import annotations


class NotAllowedError(Exception):
    """This account may not do this; the message says why and is shown to the person."""
