from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.statements import RELEASE, UNLEARNING_REPORT
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.formats.canonical import format_time
from compliance.formats.errors import FormatError

DAY = datetime(2026, 11, 20, tzinfo=UTC)
LOG = TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "log", DAY)
SIGNER = TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "attestation", DAY, (UNLEARNING_REPORT,))
TRUST = TrustFile("lethe-trust/1", "lethe.example/record", (LOG, SIGNER))


def test_a_trust_file_is_read_back() -> None:
    assert TrustFile.from_bytes(TRUST.to_bytes()) == TRUST


def test_a_bundle_must_spell_it_canonically_but_a_person_may_indent_it() -> None:
    indented = json.dumps(json.loads(TRUST.to_bytes()), indent=2).encode()
    assert TrustFile.from_hand(indented) == TRUST
    with pytest.raises(FormatError, match="canonical"):
        TrustFile.from_bytes(indented)


def test_only_keys_with_the_predicate_type_may_sign_it() -> None:
    assert TRUST.signers_of(UNLEARNING_REPORT) == (SIGNER,)
    assert TRUST.signers_of(RELEASE) == ()


def test_a_log_key_signs_no_attestations() -> None:
    with pytest.raises(FormatError, match="a log key must name none"):
        TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "log", DAY, (RELEASE,))


def test_an_attestation_key_without_predicate_types_is_refused() -> None:
    with pytest.raises(FormatError, match="must name the predicate types"):
        TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "attestation", DAY)


def test_a_key_is_good_from_its_first_moment_until_before_its_last() -> None:
    key = replace(SIGNER, valid_until=format_time(DAY + timedelta(days=1)))
    assert "only from" in str(key.problem_at(DAY - timedelta(microseconds=1)))
    assert key.problem_at(DAY) is None
    assert key.problem_at(DAY + timedelta(hours=23)) is None
    assert "only until" in str(key.problem_at(DAY + timedelta(days=1)))


def test_a_revoked_key_is_good_before_its_revocation() -> None:
    key = replace(SIGNER, revoked_at=format_time(DAY + timedelta(hours=1)))
    assert key.problem_at(DAY) is None
    assert "revoked" in str(key.problem_at(DAY + timedelta(hours=1)))


def test_a_key_id_that_is_not_the_keys_own_is_refused() -> None:
    with pytest.raises(FormatError, match="SHA-256 of its key"):
        replace(SIGNER, key_id=LOG.key_id)


def test_a_key_has_one_role() -> None:
    both = replace(LOG, role="attestation", predicate_types=(RELEASE,))
    with pytest.raises(FormatError, match="twice"):
        replace(TRUST, keys=(LOG, both))


def test_a_trust_file_without_a_log_key_is_refused() -> None:
    with pytest.raises(FormatError, match="no key of the log"):
        replace(TRUST, keys=(SIGNER,))


@pytest.mark.parametrize("change", [{"format": "lethe-trust/9"}, {"origin": ""}, {"origin": "two words"}])
def test_an_unknown_format_and_a_bad_origin_are_refused(change: dict[str, str]) -> None:
    value = json.loads(TRUST.to_bytes()) | change
    with pytest.raises(FormatError):
        TrustFile.from_hand(json.dumps(value).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b'{"format":"lethe-trust/1","keys":{},"origin":"x"}',
        b'{"format":"lethe-trust/1","keys":[1],"origin":"x"}',
    ],
)
def test_what_is_not_a_trust_file_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        TrustFile.from_bytes(raw)
