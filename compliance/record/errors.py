"""What the services of every room raise when the state of a thing does not allow what was asked."""

from __future__ import annotations


class StaleStateError(Exception):
    """The thing is not, or no longer, in a state in which this can be done; the message says so to the person who asked."""
