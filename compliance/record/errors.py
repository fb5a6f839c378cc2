"""Errors of the record, and the one that services of every room raise when a state does not allow what was asked."""

from __future__ import annotations


class StaleStateError(Exception):
    """Something is not, or no longer, in a state that allows this; the message says so to whoever asked."""


class LogInconsistentError(Exception):
    """The log is not the one that the signing process has signed before; the message says where they differ."""


class ContradictionError(Exception):
    """What is about to be signed contradicts the record, or its own files; the message names both places."""


class DatabaseRoleError(Exception):
    """A database role owns the tables, and should not, or does not, and must; the message says which."""
