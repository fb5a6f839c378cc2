"""The error that services of every room raise when something is not in the right state for what was asked."""

from __future__ import annotations


class StaleStateError(Exception):
    """Something is not, or no longer, in a state that allows this; the message says so to whoever asked."""
