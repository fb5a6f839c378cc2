"""The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1) over stored hashes of complete subtrees.

The tree is never held in memory. Storage keeps one hash per complete subtree, named by (level, index): level 0 contains the
leaf hashes, and the node (l, i) covers the leaves from i * 2**l up to (i + 1) * 2**l. Nodes never change once written, so an
append-only table can hold them. Roots and proofs read O(log n) of them through `get_node`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from .errors import VerificationError

GetNode = Callable[[int, int], bytes]
"""(level, index) -> the 32-byte hash of that complete subtree."""
Node = tuple[int, int, bytes]
"""(level, index, hash) of a complete subtree, to be stored."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_SIZE = 32


def leaf_hash(body: bytes) -> bytes:
    """Return SHA-256(0x00 || body)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right). The other prefix keeps an inner node from passing as a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes_completed_by(index: int, leaf: bytes, get_node: GetNode) -> list[Node]:
    """Return the nodes to store when the leaf hash `leaf` is appended at `index`: the leaf and every subtree it completes.

    Two on average; at most 1 + log2(index + 1). Reads only nodes stored by earlier appends.
    """
    level, position, node = 0, index, leaf
    completed = [(level, position, node)]
    while position % 2:  # a right child completes its parent
        node = node_hash(get_node(level, position - 1), node)
        level, position = level + 1, position // 2
        completed.append((level, position, node))
    return completed


def root(size: int, get_node: GetNode) -> bytes:
    """Return the root hash of the tree of the first `size` leaves; `EMPTY_ROOT` for none."""
    return _range_hash(0, size, get_node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, get_node: GetNode) -> list[bytes]:
    """Return PATH(index, D[size]) of RFC 6962 §2.1.1: sibling hashes from the leaf up.

    Raises:
        VerificationError: there is no leaf `index` in a tree of `size`.
    """
    if not 0 <= index < size:
        _fail(f"A tree of {size} leaves has no leaf {index}.")
    return [_range_hash(start, end, get_node) for start, end in _siblings(index, size)]


def consistency_proof(old: int, new: int, get_node: GetNode) -> list[bytes]:
    """Return PROOF(old, D[new]) of RFC 6962 §2.1.2; empty when the sizes are equal.

    Raises:
        VerificationError: `old` is zero (nothing can be proven about the empty tree) or larger than `new`.
    """
    if old == new:
        return []
    if not 0 < old < new:
        _fail(f"There is no proof from a tree of {old} leaves to one of {new}.")
    start, end, known = 0, new, True  # known: the verifier has this subtree's hash already, as the old root
    proof: list[bytes] = []
    # Descend to the subtree that ends where the old tree ends, and collect the siblings on the way.
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            proof.append(_range_hash(split, end, get_node))
            end = split
        else:
            proof.append(_range_hash(start, split, get_node))
            start, known = split, False
    if not known:
        proof.append(_range_hash(start, end, get_node))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Verify a proof of inclusion (RFC 9162 §2.1.3.2).

    Raises:
        VerificationError: the leaf hash is not at `index` in the tree of `size` leaves with that root.
    """
    if not 0 <= index < size:
        _fail(f"A tree of {size} leaves has no leaf {index}.")
    _check_hashes(proof)
    position, last, node = index, size - 1, leaf  # `last`: position of the last node on the same level
    for sibling in proof:
        if last == 0:
            _fail("The inclusion proof is too long.")
        if position % 2 or position == last:
            node = node_hash(sibling, node)
            # A last node that is a left child has no sibling: it rises until it is a right child.
            while position and not position % 2:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        _fail("The inclusion proof is too short.")
    if node != root_hash:
        _fail(f"Entry {index} is not in the tree with this root.")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Verify that the first `old` leaves of the new tree are the leaves of the old tree (RFC 9162 §2.1.4.2).

    There is no proof from the empty tree to a larger one, so any is refused; the proof from a tree to itself is empty.

    Raises:
        VerificationError: the proof does not show this.
    """
    _check_hashes(proof)
    if old == new:
        if proof or old_root != new_root or (old == 0 and old_root != EMPTY_ROOT):
            _fail("Two trees of the same size have different roots, or come with a proof where none is needed.")
        return
    if not 0 < old < new or not proof:
        _fail(f"There is no such proof from a tree of {old} leaves to one of {new}.")
    # 1. Find the largest complete subtree at the end of the old tree: it is in the new tree too. If it is the whole old
    #    tree (a power of two), the proof leaves its hash out.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    position, last = old - 1, new - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    # 2. Climb to both roots. Siblings on the left are in both trees, those on the right only in the new one.
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            _fail("The consistency proof is too long.")
        if position % 2 or position == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while position and not position % 2:
                position, last = position >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    # 3. The same hashes must give both roots.
    if last != 0 or old_node != old_root or new_node != new_root:
        _fail("The new tree does not contain the old one.")


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    """Return the leaf ranges of the siblings on the way from leaf `index` to the root."""
    ranges, start, end = [], 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    return ranges[::-1]


def _range_hash(start: int, end: int, get_node: GetNode) -> bytes:
    """Return the hash of the subtree over the leaves [start, end).

    `start` must be a multiple of the smallest power of two that is at least the width.
    """
    *lefts, (level, index) = _complete_subtrees(start, end)
    node = get_node(level, index)
    for left_level, left_index in reversed(lefts):
        node = node_hash(get_node(left_level, left_index), node)
    return node


def _complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _check_hashes(proof: Sequence[bytes]) -> None:
    if any(len(node) != HASH_SIZE for node in proof):
        _fail("A proof contains something that is not a SHA-256 hash.")


def _fail(message: str) -> NoReturn:
    raise VerificationError(message)


class MerkleTree:
    """Computes a root in one pass and logarithmic memory, without storing what proofs need.

    Keeps the roots of the complete subtrees, largest first: one for each set bit of the number of leaves.
    """

    def __init__(self) -> None:
        self.count = 0
        self._roots: list[bytes] = []

    @classmethod
    def resume(cls, size: int, get_node: GetNode) -> MerkleTree:
        """Return the tree of the first `size` leaves, from the stored hashes of its complete subtrees."""
        tree = cls()
        tree.count, tree._roots = size, [get_node(*place) for place in _complete_subtrees(0, size)]
        return tree

    def add(self, body: bytes) -> None:
        """Append one leaf."""
        node, size = leaf_hash(body), self.count
        while size % 2:
            node, size = node_hash(self._roots.pop(), node), size // 2
        self._roots.append(node)
        self.count += 1

    def root(self) -> bytes:
        """Return the root over the leaves so far; `EMPTY_ROOT` when there are none."""
        if not self._roots:
            return EMPTY_ROOT
        node = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            node = node_hash(left, node)
        return node
