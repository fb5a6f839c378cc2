"""Merkle roots, against the recursive definition of RFC 6962 section 2.1."""

from __future__ import annotations

import hashlib

import pytest

from compliance.formats.merkle import MerkleTree


def defined_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


@pytest.mark.parametrize("count", [*range(20), 64, 100])
def test_the_root_is_that_of_the_definition(count: int) -> None:
    leaves = [str(i).encode() for i in range(count)]
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    assert (tree.root(), tree.count) == (defined_root(leaves), count)
