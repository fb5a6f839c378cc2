"""Errors of the formats and of evidence. Every message is a sentence that an auditor can act on."""

from __future__ import annotations


class EvidenceError(ValueError):
    """Base of every error that evidence code raises about its input."""


class FormatError(EvidenceError):
    """Bytes or values do not have the required form."""


class VerificationError(EvidenceError):
    """Well-formed evidence does not prove what it claims."""


class PersonalDataError(EvidenceError):
    """A value that is about to enter the record or a statement looks like personal data."""
