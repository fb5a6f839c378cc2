"""The steps as a whole. What each of them notices is tested in checks/."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.checkpoints import SignedNote
from compliance.evidence.checks import conduct
from compliance.evidence.keys import note_key_hash
from compliance.evidence.statements import PREDICATES
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import digest_of

from .entry_data import stated
from .log_in_memory import ORIGIN, START
from .sample import SampleRequest, honest, prepared
from .stories import MINUTE, approve_and_run, assert_fails, verify_story


def test_an_honest_request_passes_every_step(honest_bundle: Path) -> None:
    result = verify_bundle(honest_bundle)
    assert [step.status for step in result.steps] == ["passed"] * 17
    assert [step.number for step in result.steps] == list(range(1, 18))


def test_the_closing_sentence_says_who_signed_and_when_and_what_stays_open(
    honest_sample: SampleRequest, honest_bundle: Path
) -> None:
    summary = verify_bundle(honest_bundle, honest_sample.trust).summary
    history = honest_sample.log.history(honest_sample.subject)
    signed = [entry.at for entry in history if entry.kind == "attestation.signed"]
    for fact in (
        TrustedKey.of(honest_sample.signer.public_key(), "log", START).key_id,
        TrustedKey.of(honest_sample.log_key.public_key(), "log", START).key_id,
        signed[0],
        signed[-1],
        history[-1].at,
        "those in the trust file, whatever the bundle itself names",
        "does not prove",
    ):
        assert fact in summary


def test_without_a_trust_file_of_ones_own_the_owner_of_the_keys_stays_open(honest_bundle: Path) -> None:
    result = verify_bundle(honest_bundle)
    assert result.keys == "bundle"
    assert "not who owns them" in result.summary


def test_somebody_elses_trust_file_does_not_verify(honest_bundle: Path, tmp_path: Path) -> None:
    stranger = prepared(tmp_path)
    result = verify_bundle(honest_bundle, stranger.trust)
    assert_fails(result, "checkpoint is signed", "not trusted")
    assert (result.keys, result.other_keys) == ("trust file", True)
    assert "signed with keys that are not in the trust file" in result.summary


def test_other_keys_show_whatever_the_hint_in_the_checkpoint_says(tmp_path: Path) -> None:
    genuine, forger = honest(tmp_path / "genuine"), honest(tmp_path / "forged")
    bundle = forger.write()
    note = SignedNote.from_bytes((bundle / "checkpoint").read_bytes())
    hint = note_key_hash(ORIGIN, genuine.log_key.public_key())
    line = note.signatures[0]._replace(key_hash=hint)
    (bundle / "checkpoint").write_bytes(SignedNote(note.text, (line,)).to_bytes())
    result = verify_bundle(bundle, genuine.trust)
    assert_fails(result, "checkpoint is signed", "does not match")


def test_attestations_by_other_keys_under_the_logs_own_key_are_other_keys(tmp_path: Path) -> None:
    sample = honest(tmp_path)
    trust = TrustFile.from_bytes(sample.trust)
    stranger = TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "attestation", START, tuple(PREDICATES))
    held = replace(trust, keys=(*trust.with_role("log"), stranger)).to_bytes()
    result = verify_bundle(sample.write(), held)
    assert_fails(result, "allowed to sign it at the time", "")
    assert result.other_keys


@pytest.mark.parametrize("change", [{"valid_until": MINUTE}, {"revoked_at": MINUTE}])
def test_a_key_that_has_ended_is_no_other_key(tmp_path: Path, change: dict[str, Any]) -> None:
    sample = honest(tmp_path)
    trust = TrustFile.from_bytes(sample.trust)
    ended = replace(trust.with_role("attestation")[0], **change)
    result = verify_bundle(sample.write(), replace(trust, keys=(*trust.with_role("log"), ended)).to_bytes())
    assert_fails(result, "allowed to sign it at the time", "")
    assert not result.other_keys


def test_a_damaged_checkpoint_is_no_other_key(bundle: Path, honest_sample: SampleRequest) -> None:
    (bundle / "checkpoint").write_bytes(b"")
    assert not verify_bundle(bundle, honest_sample.trust).other_keys


def test_the_bundle_must_be_about_the_request_that_was_named(honest_bundle: Path) -> None:
    assert verify_bundle(honest_bundle, request="LE-7KQ4-M2XD").passed
    result = verify_bundle(honest_bundle, request="LE-2222-2222")
    assert_fails(result, "one request's", "about request LE-7KQ4-M2XD, not about LE-2222-2222")


def test_steps_after_a_failed_one_are_not_checked_and_say_whose_fault_it_is(bundle: Path) -> None:
    (bundle / "checkpoint").write_bytes(b"")
    steps = verify_bundle(bundle).steps
    assert [step.status for step in steps] == ["passed", "passed", "failed"] + ["not checked"] * 14
    assert steps[3].reason == "step 3 did not pass"


def test_a_request_without_any_run_verifies_and_says_that_nothing_is_attested(tmp_path: Path) -> None:
    result = verify_story(tmp_path, lambda _: None)
    assert result.passed
    assert "no attestation" in result.summary


def test_a_run_that_was_approved_but_never_completed_hides_nothing(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample, outcome="failed")
        sample.approve(2)
        sample.start(2)
        sample.log.append(sample.subject, "job.run_ended", job=2, run=1, outcome="lost")
        again = stated("job.started", attempt=2, job=2, run=2, spec_sha256=digest_of(sample.spec()))
        sample.log.append(sample.subject, "job.started", **again)

    assert verify_story(tmp_path, story).passed


def test_a_check_that_breaks_is_a_failed_step(honest_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(conduct, "check_duties", broken)
    assert_fails(verify_bundle(honest_bundle), "their own work", "ZeroDivisionError")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_a_failed_step(bundle: Path) -> None:
    (bundle / "checkpoint").chmod(0)
    assert_fails(verify_bundle(bundle), "checkpoint is signed", "cannot be read")
