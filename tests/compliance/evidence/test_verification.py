"""The steps as a whole. What each of them notices is tested in checks/."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compliance.evidence.checks import conduct
from compliance.evidence.trust import TrustedKey
from compliance.evidence.verification import verify_bundle

from .sample import START, SampleRequest, prepared
from .stories import approve_and_run, assert_fails, verify_story


def test_an_honest_request_passes_every_step(honest_bundle: Path) -> None:
    result = verify_bundle(honest_bundle)
    assert [step.status for step in result.steps] == ["passed"] * 15
    assert [step.number for step in result.steps] == list(range(1, 16))


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
        "the trust file that you gave",
        "does not prove",
    ):
        assert fact in summary


def test_without_a_trust_file_of_ones_own_the_owner_of_the_keys_stays_open(honest_bundle: Path) -> None:
    assert "not who owns them" in verify_bundle(honest_bundle).summary


def test_somebody_elses_trust_file_does_not_verify(honest_bundle: Path, tmp_path: Path) -> None:
    stranger = prepared(tmp_path)
    assert_fails(verify_bundle(honest_bundle, stranger.trust), "checkpoint is signed", "not trusted")


def test_steps_after_a_failed_one_are_not_checked_and_say_whose_fault_it_is(bundle: Path) -> None:
    (bundle / "checkpoint").write_bytes(b"")
    steps = verify_bundle(bundle).steps
    assert [step.status for step in steps] == ["passed", "passed", "failed"] + ["not checked"] * 12
    assert steps[3].reason == "step 3 did not pass"


def test_a_request_without_any_run_verifies_and_says_that_nothing_is_attested(tmp_path: Path) -> None:
    result = verify_story(tmp_path, lambda _: None)
    assert result.passed
    assert "no attestation" in result.summary


def test_a_run_that_was_approved_but_never_completed_hides_nothing(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample)
        sample.approve(2)
        sample.start(2)
        sample.start(2)

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
