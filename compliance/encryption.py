"""Encrypt identifying fields at rest with AES-256-GCM and rotating keys; index them with a keyed hash for look-ups.

The index has a key of its own, INDEX_KEY: equal texts must stay equal when DATA_KEYS are rotated.

A value is `key id length | key id | nonce | ciphertext`; the column's name is authenticated with it, so a ciphertext
moved to another column does not decrypt. New values use the first key in DATA_KEYS; the others only decrypt.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

NONCE_BYTES = 12


class DecryptionError(Exception):
    """A stored value cannot be decrypted: its key is gone, or it was changed. Names the column, never the value."""


@lru_cache(maxsize=8)
def _keys(declared: tuple[str, ...]) -> dict[str, bytes]:
    keys = {}
    for line in declared:
        key_id, _, value = line.partition(":")
        try:
            keys[key_id] = bytes.fromhex(value)
        except ValueError:
            keys[key_id] = b""
        if len(keys[key_id]) != 32 or not key_id:  # noqa: PLR2004  # AES-256
            message = "DATA_KEYS is malformed: write each key as `id:` and 64 hex digits."
            raise ImproperlyConfigured(message)
    return keys


def encrypt(text: str, column: str) -> bytes:
    """Return the stored form of `text`."""
    key_id, key = next(iter(_keys(tuple(settings.DATA_KEYS)).items()))
    nonce = os.urandom(NONCE_BYTES)
    name = key_id.encode()
    return bytes([len(name)]) + name + nonce + AESGCM(key).encrypt(nonce, text.encode(), column.encode())


def decrypt(stored: bytes, column: str) -> str:
    """Return the text of a stored value.

    Raises:
        DecryptionError: the key is unknown, or the bytes were changed.
    """
    # key id length (1 byte) | key id | nonce (12 bytes) | ciphertext with its tag
    end = 1 + stored[0] if stored else 0
    key = _keys(tuple(settings.DATA_KEYS)).get(key_id_of(stored))
    if key is None:
        message = f"A value of {column} was encrypted with a key that is not in DATA_KEYS. Add the key back."
        raise DecryptionError(message)
    nonce, sealed = stored[end : end + NONCE_BYTES], stored[end + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, sealed, column.encode()).decode()
    except InvalidTag:
        message = f"A value of {column} has been changed outside the application. Restore it from a backup."
        raise DecryptionError(message) from None


def key_id_of(stored: bytes) -> str:
    """Return the id of the key that a stored value was encrypted with."""
    return stored[1 : 1 + stored[0]].decode(errors="replace") if stored else ""


def newest_key_id() -> str:
    """Return the id of the key that new values are encrypted with."""
    return next(iter(_keys(tuple(settings.DATA_KEYS))))


def keyed_index(text: str, purpose: str) -> str:
    """Return the HMAC-SHA-256 of the normalised text: equal for equal inputs, and no use for guessing without the key."""
    return hmac.new(
        _index_key(settings.INDEX_KEY), f"{purpose}\0{text.strip().casefold()}".encode(), hashlib.sha256
    ).hexdigest()


@lru_cache(maxsize=8)
def _index_key(declared: str) -> bytes:
    try:
        key = bytes.fromhex(declared)
    except ValueError:
        key = b""
    if len(key) != 32:  # noqa: PLR2004  # as long as the hash
        message = "INDEX_KEY is malformed: write 64 hex digits."
        raise ImproperlyConfigured(message)
    return key


if TYPE_CHECKING:
    StringField = models.Field[str, str]
else:
    StringField = models.Field  # has type parameters in its stubs only


class EncryptedTextField(StringField):
    """Text in Python, ciphertext (bytea) in the database. It cannot be searched: add a column with `keyed_index`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", "")
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:  # noqa: ARG002  # Django's signature; there is one SQL dialect
        return "bytea"

    @property
    def column_name(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: ARG002, FBT002  # Django's signature
        return connection.Database.Binary(encrypt(value, self.column_name))

    def get_lookup(self, lookup_name: str) -> None:
        """Return None, so that Django refuses look-ups: comparing with ciphertext would never find anything."""

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> str:
        # A join finds no value where there is no row.
        return "" if value is None else decrypt(bytes(value), self.column_name)

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Return ciphertext: fixtures never hold the text."""
        return encrypt(self.value_from_object(obj), self.column_name).hex()
