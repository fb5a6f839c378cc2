"""Keys, checkpoint, and the request's history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import format_time
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.sample import SampleRequest, honest, prepared
from tests.compliance.evidence.stories import MINUTE, approve_and_run, assert_fails, publish, verify_story


def test_a_history_that_was_not_sealed_fails(tmp_path: Path) -> None:
    sample = prepared(tmp_path)
    approve_and_run(sample)
    assert_fails(verify_bundle(sample.write()), "up to its seal", "not the seal")


def test_a_seal_that_counts_otherwise_fails(tmp_path: Path) -> None:
    sample = prepared(tmp_path)
    sample.log.append(sample.subject, "record.sealed", entries=99)
    assert_fails(verify_bundle(sample.write()), "up to its seal", "not the seal")


def test_an_entry_of_another_request_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    sample.others.append(sample.log.entries[0])
    assert_fails(verify_bundle(sample.write()), "one request's", "about 2 requests")


def test_a_record_without_a_request_fails(tmp_path: Path) -> None:
    sample = SampleRequest(tmp_path)
    sample.prepare()
    assert_fails(verify_bundle(sample.write()), "one request's", "about 0 requests")


def test_a_request_submitted_twice_fails(tmp_path: Path) -> None:
    assert_fails(
        verify_story(tmp_path, lambda sample: sample.submit("account:9")), "one request's", "request.submitted exactly once"
    )


def test_times_that_go_back_fail(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.log.now -= timedelta(days=1)
        approve_and_run(sample)

    assert_fails(verify_story(tmp_path, story), "one request's", "older than the one before")


def test_a_trust_file_that_was_never_published_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    trust = TrustFile.from_bytes(sample.trust)
    sample.trust = replace(
        trust, keys=(*trust.keys, TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "log", START))
    ).to_bytes()
    assert_fails(verify_bundle(sample.write()), "published in the record", "digest of trust.json")


@pytest.mark.parametrize("change", [{"valid_until": MINUTE}, {"revoked_at": format_time(START + timedelta(days=900))}])
def test_a_log_key_that_ran_out_or_was_ever_revoked_vouches_for_nothing(tmp_path: Path, change: dict[str, str]) -> None:
    sample = SampleRequest(tmp_path)
    publish(sample, log=change)
    assert_fails(verify_bundle(sample.write()), "log's key was valid", "cannot vouch")


@pytest.mark.parametrize("role", ["log", "signer"])
def test_a_key_that_the_bundle_itself_calls_revoked_counts_for_no_older_trust_file(tmp_path: Path, role: str) -> None:
    sample = SampleRequest(tmp_path)
    publish(sample, **{role: {"revoked_at": MINUTE}})
    older = TrustFile.from_bytes(sample.trust)
    older = replace(older, keys=tuple(replace(key, revoked_at=None) for key in older.keys))
    result = verify_bundle(sample.write(), older.to_bytes())
    assert any("it was revoked at" in step.reason for step in result.steps if step.status == "failed"), result.summary
