"""What can be wrong with evidence. Every message is a sentence that an auditor can act on."""

from __future__ import annotations


class EvidenceError(ValueError):
    """Anything that evidence code refuses."""


class FormatError(EvidenceError):
    """Bytes or values that do not have the form they must have."""


class VerificationError(EvidenceError):
    """Well-formed evidence that does not prove what it claims."""


class PersonalDataError(EvidenceError):
    """A value that looks like personal data on its way into the record or a statement."""
