"""Digests of what is in a store: of each document, of a list that is to be approved, and of everything that stays."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Iterable
from typing import Final

from compliance.formats.canonical import canonical_json

from .store import Document

WIDE: Final = 256
"""Bytes of a sum of digests. Sums that short digests have can be forged; of these, nobody knows how."""


def document_digest(salt: bytes, document: Document) -> str:
    """Return what tells a document with its content from others, and from itself after a change.

    Vectors do not count: engines scale them anew when they write them. Rebuilding compares them by itself.
    """
    fields = {str(name): repr(value) for name, value in document.fields.items()}
    content = [document.key, document.text, fields]
    return hmac.new(salt, json.dumps(content, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def key_digest(salt: bytes, key: str) -> str:
    """Return a document's name in results: its key may say who it is about."""
    return hmac.new(salt, key.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def digest_of_rest(salt: bytes, documents: Iterable[Document], without: Collection[str] = ()) -> str:
    """Return a digest of documents in any order, leaving out some keys. They are read once, and none is kept."""
    total = 0
    for document in documents:
        if document.key not in without:
            wide = hashlib.shake_256(document_digest(salt, document).encode()).digest(WIDE)
            total += int.from_bytes(wide, "big")
    return hashlib.sha256((total % (1 << 8 * WIDE)).to_bytes(WIDE, "big")).hexdigest()


def list_digest(deleted: Iterable[str], rest: str) -> str:
    """Return the digest of a list: what is to be deleted, and what is to stay. It is what an officer approves."""
    return hashlib.sha256(canonical_json({"deleted": sorted(deleted), "rest": rest})).hexdigest()
