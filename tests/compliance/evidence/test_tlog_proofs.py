from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.evidence.record import leaf_bytes
from compliance.evidence.tlog_proofs import TlogProof
from compliance.formats.errors import EvidenceError, FormatError

from .log_in_memory import ORIGIN
from .sample import SampleRequest


@pytest.fixture
def proof(honest_sample: SampleRequest) -> TlogProof:
    line = honest_sample.lines()[5]
    return TlogProof(line.index, tuple(line.hashes), honest_sample.log.checkpoint())


def test_a_proof_is_written_in_the_form_of_the_specification(proof: TlogProof) -> None:
    lines = proof.to_bytes().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {proof.index}"]
    assert lines[2 + len(proof.hashes)] == ""
    assert lines[3 + len(proof.hashes)] == ORIGIN


def test_a_proof_is_read_back(proof: TlogProof) -> None:
    assert TlogProof.from_bytes(proof.to_bytes()) == proof


def test_a_proof_verifies_its_own_entry_and_no_other(proof: TlogProof, honest_sample: SampleRequest) -> None:
    keys = [honest_sample.log_key.public_key()]
    proof.verify(leaf_bytes(honest_sample.log.entries[proof.index]), ORIGIN, keys)
    with pytest.raises(EvidenceError):
        proof.verify(leaf_bytes(honest_sample.log.entries[proof.index + 1]), ORIGIN, keys)
    with pytest.raises(EvidenceError):
        replace(proof, index=proof.index + 1).verify(leaf_bytes(honest_sample.log.entries[proof.index]), ORIGIN, keys)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"c2sp.org/tlog-proof@v1",
        b"c2sp.org/tlog-proof@v2\nindex 1\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\nnot base64\n\nx",
    ],
)
def test_what_is_no_proof_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        TlogProof.from_bytes(raw)
