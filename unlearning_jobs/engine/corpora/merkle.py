"""Root of a Merkle tree over lines, hashed as in RFC 6962 section 2.1, in one pass and logarithmic memory."""

from __future__ import annotations

import hashlib


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """Grows leaf by leaf. It keeps the roots of the complete subtrees, largest first: one per set bit of the count."""

    def __init__(self) -> None:
        self.count = 0
        self._roots: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Append one leaf."""
        node, size = leaf_hash(data), self.count
        while size % 2:
            node, size = node_hash(self._roots.pop(), node), size // 2
        self._roots.append(node)
        self.count += 1

    def root(self) -> bytes:
        """Root over the leaves so far; SHA-256 of nothing for an empty tree."""
        if not self._roots:
            return hashlib.sha256(b"").digest()
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = node_hash(left, node)
        return node
