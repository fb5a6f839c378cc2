"""In the record, signed by the right key, about this request, and registered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.statements import RELEASE, UNLEARNING_REPORT, Release, Statement, Subject
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import canonical_json, format_time
from tests.compliance.evidence.engine_files import result_model
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.sample import SampleRequest, honest, prepared
from tests.compliance.evidence.stories import MINUTE, OTHER_DIGEST, approve_and_run, assert_fails, publish, verify_story


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"valid_until": MINUTE}, "valid only until"),
        ({"valid_from": format_time(START + timedelta(days=1))}, "valid only from"),
        ({"revoked_at": MINUTE}, "revoked at"),
        ({"predicate_types": (RELEASE,)}, "it may not sign this type"),
    ],
)
def test_a_key_signs_only_what_it_may_and_while_it_may(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    sample = SampleRequest(tmp_path)
    publish(sample, signer=change)
    assert_fails(verify_bundle(sample.write()), "allowed to sign", reason)


def test_an_attestation_from_before_a_revocation_still_counts(tmp_path: Path) -> None:
    sample = SampleRequest(tmp_path)
    publish(sample, signer={"revoked_at": format_time(START + timedelta(days=1))})
    assert verify_bundle(sample.write()).passed


def test_a_signature_by_a_stranger_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.signer = Ed25519PrivateKey.generate()
        approve_and_run(sample)

    assert_fails(verify_story(tmp_path, story), "allowed to sign", "0 of the trusted keys")


def test_the_logs_key_signs_no_attestations(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.signer = sample.log_key
        approve_and_run(sample)

    assert_fails(verify_story(tmp_path, story), "allowed to sign", "0 of the trusted keys")


def test_an_attestation_that_is_in_the_record_but_not_in_the_bundle_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    del sample.envelopes[1, UNLEARNING_REPORT]
    assert_fails(verify_bundle(sample.write()), "attestations are exactly those", "not in the bundle")


def test_an_attestation_of_an_unknown_type_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        data: dict[str, Any] = {"item": "1", "attempt": 1, "envelope_sha256": OTHER_DIGEST}
        sample.log.append(sample.subject, "attestation.signed", predicate_type="https://example.org/x/v1", **data)

    assert_fails(verify_story(tmp_path, story), "attestations are exactly those", "unknown type")


def test_an_attestation_about_another_request_fails(tmp_path: Path) -> None:
    assert_fails(
        verify_story(tmp_path, lambda sample: approve_and_run(sample, request="LE-OTHER")),
        "about this request",
        "another request",
    )


@pytest.mark.parametrize("change", [{"item": "2"}, {"attempt": 2}])
def test_an_attestation_about_another_item_or_attempt_fails(tmp_path: Path, change: dict[str, Any]) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.run(1)
        statement = Statement((Subject("model", result_model(1)),), Release(**sample.release_fields(1, "account:3")))
        sample.sign(statement, **change)

    assert_fails(verify_story(tmp_path, story), "about this request", "not about the item and attempt")


def test_a_second_report_of_the_same_attempt_fails(tmp_path: Path) -> None:
    sample = prepared(tmp_path)
    approve_and_run(sample, outcome="failed")
    first = sample.envelopes[1, UNLEARNING_REPORT]
    sample.sign_report(1, "passed")
    sample.seal()
    sample.envelopes[0, UNLEARNING_REPORT] = first
    assert_fails(verify_bundle(sample.write()), "about this request", "second attestation")


def test_a_report_about_files_of_another_attempt_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.run(1)
        sample.approve(2)
        sample.start(2)
        sample.complete(2)
        files = (Subject("model", result_model(1)), Subject("report/1-1/result.json", OTHER_DIGEST))
        sample.sign(Statement(files, replace(sample.reports[1], attempt=2)))

    assert_fails(verify_story(tmp_path, story), "about this request", "files of its own attempt")


def test_a_report_about_another_model_than_its_subject_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.run(1)
        statement = Statement((Subject("model", OTHER_DIGEST),), Release(**sample.release_fields(1, "account:3")))
        sample.sign(statement)

    assert_fails(verify_story(tmp_path, story), "about this request", "does not name the same model")


def test_a_signed_body_that_is_no_statement_of_ours_fails(tmp_path: Path) -> None:
    class Foreign(Statement):
        def to_bytes(self) -> bytes:
            return canonical_json({"_type": "https://in-toto.io/Statement/v1"})

    def story(sample: SampleRequest) -> None:
        approve_and_run(sample)
        sample.sign(Foreign((Subject("model", result_model(1)),), Release(**sample.release_fields(1, "account:3"))))

    assert_fails(verify_story(tmp_path, story), "about this request", "not an in-toto statement")


def test_a_model_that_was_never_registered_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    del sample.others[2]
    assert_fails(verify_bundle(sample.write()), "registered in the record", "model.registered")


def test_a_corpus_that_was_never_registered_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    del sample.others[1]
    assert_fails(verify_bundle(sample.write()), "registered in the record", "corpus.registered")


def test_a_snapshot_registered_with_another_manifest_fails(tmp_path: Path) -> None:
    result = verify_story(tmp_path, lambda sample: approve_and_run(sample, manifest_root=OTHER_DIGEST))
    assert_fails(result, "registered in the record", "corpus.registered")


def test_an_entry_that_nothing_refers_to_fails(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    sample.others.append(sample.log.append("account:7", "account.created"))
    assert_fails(verify_bundle(sample.write()), "registered in the record", "nothing in this bundle refers to")
