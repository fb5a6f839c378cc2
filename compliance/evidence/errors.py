"""Errors about key files."""

from __future__ import annotations

from compliance.formats.errors import EvidenceError


class KeyFileError(EvidenceError):
    """A private key file is missing, unreadable, readable by others, or contains something else."""
