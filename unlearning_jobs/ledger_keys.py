"""The keys of the erasure ledger. Whoever has one can test whether a text that they hold was erased; others learn nothing.

New entries use the first key of LEDGER_KEYS. The others only recognise, and stay for as long as the ledger: nobody can make
digests again under another key without what was erased. They are apart from DATA_KEYS, whose rotation changes nothing here.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from compliance.record.errors import StaleStateError

KEY_BYTES = 32
PURPOSE = b"lethe erased example 1\0"


class LedgerError(StaleStateError):
    """The erasure ledger cannot be obeyed or written, so nothing may go on that has to obey it."""


@dataclass(frozen=True)
class LedgerKey:
    """One key. Its id is worked out from it, so that another key never passes for it."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hmac.digest(self.secret, b"lethe ledger key id", hashlib.sha256).hex()[:16]

    def digest(self, content: bytes) -> str:
        """Return the keyed digest of an example's content."""
        return hmac.digest(self.secret, PURPOSE + content, hashlib.sha256).hex()


def corpus_salt(name: str) -> bytes:
    """Return the key of a corpus's manifests, so that the same files registered again give the same digest.

    It follows from the oldest key of the ledger, which stays for as long as the ledger, and never leads back to it.
    """
    return hmac.digest(oldest_key().secret, b"lethe corpus salt 1\0" + name.encode(), hashlib.sha256)


def oldest_key() -> LedgerKey:
    """Return the key that stays for as long as the ledger: what it digests once can be compared for good."""
    return _declared(tuple(settings.LEDGER_KEYS))[-1]


def newest_key() -> LedgerKey:
    """Return the key for new entries."""
    return _declared(tuple(settings.LEDGER_KEYS))[0]


def key_named(key_id: str) -> LedgerKey:
    """Return the key with this id.

    Raises:
        LedgerError: it is not in LEDGER_KEYS.
    """
    for key in _declared(tuple(settings.LEDGER_KEYS)):
        if key.id == key_id:
            return key
    message = (
        f"The erasure ledger has entries under the key {key_id}, which is not in LEDGER_KEYS: what they erased cannot be"
        " recognised. Add the key back."
    )
    raise LedgerError(message)


@lru_cache(maxsize=8)
def _declared(lines: tuple[str, ...]) -> tuple[LedgerKey, ...]:
    try:
        keys = tuple(LedgerKey(bytes.fromhex(line)) for line in lines)
    except ValueError:
        keys = ()
    if not keys or any(len(key.secret) != KEY_BYTES for key in keys):
        message = "LEDGER_KEYS is malformed: write each key as 64 hex digits."
        raise ImproperlyConfigured(message)
    return keys
