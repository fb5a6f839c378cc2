"""The vectors are those of the certificate-transparency reference implementation (merkle_tree_test.cc): eight leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.formats.errors import VerificationError
from compliance.formats.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_completed_by,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(body)
    for body in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
H01 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
LEAF5 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
LEAF6 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
H67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"


def stored(bodies: Sequence[bytes]) -> Callable[[int, int], bytes]:
    """The nodes of a log of `bodies`, as a database would keep them."""
    nodes: dict[tuple[int, int], bytes] = {}

    def get_node(level: int, index: int) -> bytes:
        return nodes[level, index]

    for number, body in enumerate(bodies):
        for level, index, node in nodes_completed_by(number, leaf_hash(body), get_node):
            assert (level, index) not in nodes, "a node is written once"
            nodes[level, index] = node
    return get_node


def defined_root(bodies: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1 word for word, to compare with."""
    if not bodies:
        return EMPTY_ROOT
    if len(bodies) == 1:
        return leaf_hash(bodies[0])
    split = max(1 << power for power in range(len(bodies).bit_length()) if 1 << power < len(bodies))
    return node_hash(defined_root(bodies[:split]), defined_root(bodies[split:]))


def many(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert root(size, stored(LEAVES)).hex() == ROOTS[size - 1]


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    assert root(0, stored([])).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [(0, 8, [H01, H23, H47]), (5, 8, [LEAF5, H67, ROOTS[3]]), (2, 3, [ROOTS[1]]), (1, 5, [ROOTS[0], H23, LEAF5])],
)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int, proof: list[str]) -> None:
    assert [node.hex() for node in inclusion_proof(index, size, stored(LEAVES))] == proof


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [(1, 1, []), (1, 8, [H01, H23, H47]), (6, 8, [LEAF6, H67, ROOTS[3]]), (2, 5, [H23, LEAF5])],
)
def test_consistency_proofs_are_the_published_ones(old: int, new: int, proof: list[str]) -> None:
    assert [node.hex() for node in consistency_proof(old, new, stored(LEAVES))] == proof


@given(st.integers(0, 70))
def test_the_root_of_any_size_is_the_one_defined(size: int) -> None:
    assert root(size, stored(many(70))) == defined_root(many(size))


@given(st.data())
def test_every_entry_is_proven_included(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    get_node = stored(many(size))
    proof = inclusion_proof(index, size, get_node)
    verify_inclusion(leaf_hash(many(size)[index]), index, size, proof, root(size, get_node))
    with pytest.raises(VerificationError):
        verify_inclusion(leaf_hash(b"an entry that is not there"), index, size, proof, root(size, get_node))


@given(st.data())
def test_every_older_tree_is_proven_consistent(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 70))
    old = data.draw(st.integers(1, new))
    get_node = stored(many(new))
    proof = consistency_proof(old, new, get_node)
    verify_consistency(old, new, root(old, get_node), root(new, get_node), proof)
    with pytest.raises(VerificationError):
        verify_consistency(old, new, leaf_hash(b"another tree"), root(new, get_node), proof)


@given(st.data())
def test_an_inclusion_proof_with_any_change_fails(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    get_node = stored(many(size))
    leaf, proof, head = leaf_hash(many(size)[index]), inclusion_proof(index, size, get_node), root(size, get_node)
    place = data.draw(st.integers(0, len(proof) - 1))
    other_index = data.draw(st.integers(-1, size).filter(lambda other: other != index))
    changed = [*proof[:place], node_hash(proof[place], b""), *proof[place + 1 :]]
    for arguments in (
        (leaf, index, size, changed, head),
        (leaf, index, size, proof[:-1], head),
        (leaf, index, size, [*proof, head], head),
        (leaf, index, size, [*proof[:-1], proof[-1][:31]], head),
        (leaf, other_index, size, proof, head),
        (head, index, size, proof, head),
        (leaf, index, size, proof, leaf),
    ):
        with pytest.raises(VerificationError):
            verify_inclusion(*arguments)


@given(st.data())
def test_a_consistency_proof_with_any_change_fails(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    get_node = stored(many(new))
    first, last, proof = root(old, get_node), root(new, get_node), consistency_proof(old, new, get_node)
    place = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:place], node_hash(proof[place], b""), *proof[place + 1 :]]
    for arguments in (
        (old, new, first, last, changed),
        (old, new, first, last, proof[:-1]),
        (old, new, first, last, [*proof, last]),
        (old, new, last, last, proof),
        (old, new, first, first, proof),
        (new, old, first, last, proof),
        (old, new, first, last, []),
    ):
        with pytest.raises(VerificationError):
            verify_consistency(*arguments)


def test_nothing_can_be_proven_from_the_empty_tree_to_a_larger_one() -> None:
    with pytest.raises(VerificationError):
        verify_consistency(0, 1, EMPTY_ROOT, leaf_hash(b""), [])
    with pytest.raises(VerificationError):
        consistency_proof(0, 1, stored(LEAVES))


def test_two_empty_trees_are_consistent_only_with_the_empty_root() -> None:
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    with pytest.raises(VerificationError):
        verify_consistency(0, 0, leaf_hash(b""), leaf_hash(b""), [])


def test_a_tree_is_consistent_with_itself_without_a_proof() -> None:
    head = leaf_hash(b"x")
    verify_consistency(1, 1, head, head, [])
    with pytest.raises(VerificationError):
        verify_consistency(1, 1, head, head, [head])
    with pytest.raises(VerificationError):
        verify_consistency(1, 1, head, EMPTY_ROOT, [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_for_an_entry_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(VerificationError, match="no leaf"):
        inclusion_proof(index, size, stored(LEAVES))
