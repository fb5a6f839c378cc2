"""Collects this application's models where Django looks for them. Import them from the packages that define them."""

from __future__ import annotations

from compliance.accounts.models import Account, BrowserLink, SignInCount
from compliance.record.models import (
    Attestation,
    RecordEntry,
    RecordLeaf,
    RecordNode,
    SignedCheckpoint,
    SignerAlarm,
    TrustManifest,
)

__all__ = [
    "Account",
    "Attestation",
    "BrowserLink",
    "RecordEntry",
    "RecordLeaf",
    "RecordNode",
    "SignInCount",
    "SignedCheckpoint",
    "SignerAlarm",
    "TrustManifest",
]
