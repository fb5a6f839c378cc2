"""What can be wrong with key files."""

from __future__ import annotations

from compliance.formats.errors import EvidenceError


class KeyFileError(EvidenceError):
    """A private key file that is missing, unreadable, too widely readable, or of another kind."""
