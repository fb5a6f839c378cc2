"""Dishonest stories, correctly signed and logged: the step that is there for each of them must fail, and say why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence.canonical import canonical_json, digest_of, format_time, sha256_hex
from compliance.evidence.checks import conduct
from compliance.evidence.statements import PREDICATES, RELEASE, UNLEARNING_REPORT, Release, Statement, Subject
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.evidence.verification import Verification, verify_bundle

from .sample import PROTOCOL, START, Case, honest, prepared, result_model

Story = Callable[[Case], None]
OTHER_DIGEST = sha256_hex(b"something else")


def told(folder: Path, story: Story) -> Verification:
    """Verification of the bundle of a prepared case that goes on with `story`."""
    case = prepared(folder)
    story(case)
    if not case.reports:
        case.others = case.others[:1]  # the keys; no corpus or model is referred to
    case.seal()
    return verify_bundle(case.write())


def assert_fails(result: Verification, title: str, reason: str) -> None:
    """Exactly one step failed, `title` is in its title and `reason` in its reason."""
    failed = [step for step in result.steps if step.status == "failed"]
    assert [title in step.title for step in failed] == [True], failed
    assert reason in failed[0].reason
    assert not result.passed
    assert f"step {failed[0].number} failed" in result.summary


def approve_and_run(case: Case, **changes: Any) -> None:
    case.approve(1)
    case.run(1, **changes)


def test_an_honest_case_passes_every_step(honest_bundle: Path) -> None:
    result = verify_bundle(honest_bundle)
    assert [step.status for step in result.steps] == ["passed"] * 15
    assert [step.number for step in result.steps] == list(range(1, 16))


def test_the_closing_sentence_says_who_signed_and_when_and_what_stays_open(honest_case: Case, honest_bundle: Path) -> None:
    summary = verify_bundle(honest_bundle, honest_case.trust).summary
    history = honest_case.log.history(honest_case.subject)
    signed = [entry.at for entry in history if entry.kind == "attestation.signed"]
    for told_fact in (
        TrustedKey.of(honest_case.signer.public_key(), "log", START).key_id,
        TrustedKey.of(honest_case.log_key.public_key(), "log", START).key_id,
        signed[0],
        signed[-1],
        history[-1].at,
        "the trust file you gave",
        "does not prove",
    ):
        assert told_fact in summary


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
    result = told(tmp_path, lambda _: None)
    assert result.passed
    assert "no attestation" in result.summary


def test_a_run_that_was_approved_but_never_completed_hides_nothing(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.approve(2)
        case.start(2)
        case.start(2)

    assert told(tmp_path, story).passed


# Step 5: the history.


def test_a_history_that_was_not_sealed_fails(tmp_path: Path) -> None:
    case = prepared(tmp_path)
    approve_and_run(case)
    assert_fails(verify_bundle(case.write()), "up to its seal", "not the seal")


def test_a_seal_that_counts_otherwise_fails(tmp_path: Path) -> None:
    case = prepared(tmp_path)
    case.log.append(case.subject, "record.sealed", entries=99)
    assert_fails(verify_bundle(case.write()), "up to its seal", "not the seal")


def test_an_entry_of_another_request_fails(tmp_path: Path) -> None:
    case = honest(tmp_path)
    case.others.append(case.log.entries[0])
    assert_fails(verify_bundle(case.write()), "one request's", "about 2 requests")


def test_a_record_without_a_request_fails(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.prepare()
    assert_fails(verify_bundle(case.write()), "one request's", "about 0 requests")


def test_a_request_submitted_twice_fails(tmp_path: Path) -> None:
    assert_fails(told(tmp_path, lambda case: case.submit("account:9")), "one request's", "request.submitted once")


def test_times_that_go_back_fail(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.log.now -= timedelta(days=1)
        approve_and_run(case)

    assert_fails(told(tmp_path, story), "one request's", "older than the one before")


# Steps 6 and 8: the keys.


def test_a_trust_file_that_was_never_published_fails(tmp_path: Path) -> None:
    case = honest(tmp_path)
    trust = TrustFile.from_bytes(case.trust)
    case.trust = replace(
        trust, keys=(*trust.keys, TrustedKey.of(Ed25519PrivateKey.generate().public_key(), "log", START))
    ).to_bytes()
    assert_fails(verify_bundle(case.write()), "published in the record", "digest of trust.json")


def keys(case: Case, *, log: dict[str, Any] | None = None, signer: dict[str, Any] | None = None) -> None:
    """Publishes other facts about the case's keys, from the start."""
    changed = (
        replace(TrustedKey.of(case.log_key.public_key(), "log", START), **log or {}),
        replace(TrustedKey.of(case.signer.public_key(), "attestation", START, tuple(PREDICATES)), **signer or {}),
    )
    case.prepare(*changed)
    case.submit()
    case.map()
    approve_and_run(case)
    case.seal()


MINUTE = format_time(START + timedelta(minutes=1))


@pytest.mark.parametrize("change", [{"valid_until": MINUTE}, {"revoked_at": format_time(START + timedelta(days=900))}])
def test_a_log_key_that_ran_out_or_was_ever_revoked_vouches_for_nothing(tmp_path: Path, change: dict[str, str]) -> None:
    case = Case(tmp_path)
    keys(case, log=change)
    assert_fails(verify_bundle(case.write()), "log's key was valid", "cannot vouch")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"valid_until": MINUTE}, "valid only until"),
        ({"valid_from": format_time(START + timedelta(days=1))}, "valid only from"),
        ({"revoked_at": MINUTE}, "revoked at"),
        ({"predicate_types": (RELEASE,)}, "may not sign unlearning-report"),
    ],
)
def test_a_key_signs_only_what_it_may_and_while_it_may(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    case = Case(tmp_path)
    keys(case, signer=change)
    assert_fails(verify_bundle(case.write()), "allowed to sign", reason)


def test_an_attestation_from_before_a_revocation_still_counts(tmp_path: Path) -> None:
    case = Case(tmp_path)
    keys(case, signer={"revoked_at": format_time(START + timedelta(days=1))})
    assert verify_bundle(case.write()).passed


def test_a_signature_by_a_stranger_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.signer = Ed25519PrivateKey.generate()
        approve_and_run(case)

    assert_fails(told(tmp_path, story), "allowed to sign", "0 of the trusted keys")


def test_the_logs_key_signs_no_attestations(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.signer = case.log_key
        approve_and_run(case)

    assert_fails(told(tmp_path, story), "allowed to sign", "may not sign")


# Steps 7 and 9: the attestations.


def test_an_attestation_that_is_in_the_record_but_not_in_the_bundle_fails(tmp_path: Path) -> None:
    case = honest(tmp_path)
    del case.envelopes[1, UNLEARNING_REPORT]
    assert_fails(verify_bundle(case.write()), "all of them", "not in the bundle")


def test_an_attestation_of_an_unknown_type_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        data: dict[str, Any] = {"item": "1", "attempt": 1, "envelope_sha256": OTHER_DIGEST}
        case.log.append(case.subject, "attestation.signed", predicate_type="https://example.org/x/v1", **data)

    assert_fails(told(tmp_path, story), "all of them", "unknown type")


def test_an_attestation_about_another_request_fails(tmp_path: Path) -> None:
    assert_fails(
        told(tmp_path, lambda case: approve_and_run(case, request="LE-OTHER")), "about this request", "another request"
    )


@pytest.mark.parametrize("change", [{"item": "2"}, {"attempt": 2}])
def test_an_attestation_about_another_item_or_attempt_fails(tmp_path: Path, change: dict[str, Any]) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.run(1)
        statement = Statement((Subject("model", result_model(1)),), Release(**case.release_fields(1, "account:3")))
        case.sign(statement, **change)

    assert_fails(told(tmp_path, story), "about this request", "another item or attempt")


def test_a_second_report_of_the_same_attempt_fails(tmp_path: Path) -> None:
    case = prepared(tmp_path)
    approve_and_run(case, outcome="failed")
    first = case.envelopes[1, UNLEARNING_REPORT]
    case.sign_report(1, "passed")
    case.seal()
    case.envelopes[0, UNLEARNING_REPORT] = first
    assert_fails(verify_bundle(case.write()), "about this request", "second attestation")


def test_a_report_about_files_of_another_attempt_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.run(1)
        case.approve(2)
        case.start(2)
        case.complete(2)
        files = (Subject("model", result_model(1)), Subject("report/1-1/result.json", OTHER_DIGEST))
        case.sign(Statement(files, replace(case.reports[1], attempt=2)))

    assert_fails(told(tmp_path, story), "about this request", "files of its own attempt")


def test_a_report_about_another_model_than_its_subject_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.run(1)
        statement = Statement((Subject("model", OTHER_DIGEST),), Release(**case.release_fields(1, "account:3")))
        case.sign(statement)

    assert_fails(told(tmp_path, story), "about this request", "another model as its subject")


def test_a_signed_body_that_is_no_statement_of_ours_fails(tmp_path: Path) -> None:
    class Foreign(Statement):
        def to_bytes(self) -> bytes:
            return canonical_json({"_type": "https://in-toto.io/Statement/v1"})

    def story(case: Case) -> None:
        approve_and_run(case)
        case.sign(Foreign((Subject("model", result_model(1)),), Release(**case.release_fields(1, "account:3"))))

    assert_fails(told(tmp_path, story), "about this request", "not an in-toto statement")


# Step 11: what the engine wrote.


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("result", {"kind": "train"}, "differ in kind"),
        ("result", {"model_digest": OTHER_DIGEST}, "differ in model_digest"),
        ("result", {"spec_digest": OTHER_DIGEST}, "differ in spec_digest"),
        ("result", {"environment": {}}, "differ in environment"),
        ("result", {"evaluation": {"limits": [], "verdict": {"outcome": "failed"}}}, "differ in evaluation.verdict"),
        ("result", {"evaluation": None}, "lacks evaluation.verdict"),
        ("result", {"files": {}}, "raw outputs are not those"),
        ("result", {"files": {"outputs/margins.parquet": OTHER_DIGEST}}, "another digest than result.json"),
        ("spec", {"forget_ids": ["r7", "r3"]}, "differ in the whole"),
        ("spec", {"forget_ids": "r7"}, "no list of record ids"),
    ],
)
def test_a_report_that_says_something_else_than_the_engine_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, change: dict[str, Any], reason: str
) -> None:
    write_files = Case.write_files

    def altered(self: Case, attempt: int, spec: dict[str, Any], result: dict[str, Any]) -> dict[str, bytes]:
        given = {"spec": spec, "result": result}
        return write_files(self, attempt, **given | {file: given[file] | change})

    monkeypatch.setattr(Case, "write_files", altered)
    assert_fails(told(tmp_path, approve_and_run), "result and specification", reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"forget_set_sha256": OTHER_DIGEST}, "forget_ids"),
        ({"forget_count": 3}, "the number of forget_ids"),
        ({"recipe_sha256": OTHER_DIGEST}, "recipe"),
        ({"does_not_show": ("Nothing.",)}, "leaves out a limit"),
    ],
)
def test_a_report_that_misstates_its_specification_fails(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    assert_fails(told(tmp_path, lambda case: approve_and_run(case, **change)), "result and specification", reason)


# Step 12: registrations.


def test_a_model_that_was_never_registered_fails(tmp_path: Path) -> None:
    case = honest(tmp_path)
    del case.others[2]
    assert_fails(verify_bundle(case.write()), "registered in the record", "model.registered")


def test_a_corpus_that_was_never_registered_fails(tmp_path: Path) -> None:
    case = honest(tmp_path)
    del case.others[1]
    assert_fails(verify_bundle(case.write()), "registered in the record", "corpus.registered")


def test_a_snapshot_registered_with_another_manifest_fails(tmp_path: Path) -> None:
    result = told(tmp_path, lambda case: approve_and_run(case, manifest_root=OTHER_DIGEST))
    assert_fails(result, "registered in the record", "corpus.registered")


def test_an_entry_that_nothing_refers_to_fails(tmp_path: Path) -> None:
    case = honest(tmp_path)
    case.others.append(case.log.append("account:7", "account.created"))
    assert_fails(verify_bundle(case.write()), "registered in the record", "nothing in this bundle refers to")


# Step 13: approved before it ran.


def test_a_run_without_an_approval_fails(tmp_path: Path) -> None:
    assert_fails(told(tmp_path, lambda case: case.start(1)), "approved before its run", "before it was approved")


def test_a_run_that_started_before_its_approval_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.start(1)
        approve_and_run(case)

    assert_fails(told(tmp_path, story), "approved before its run", "before it was approved")


def test_a_report_that_says_it_started_before_the_approval_fails(tmp_path: Path) -> None:
    result = told(tmp_path, lambda case: approve_and_run(case, started_at=format_time(START)))
    assert_fails(result, "approved before its run", "the run started before it was approved")


def test_a_protocol_that_changed_after_the_approval_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1, protocol=PROTOCOL | {"alpha": 0.2})
        case.run(1)

    assert_fails(told(tmp_path, story), "approved before its run", "another protocol")


def test_a_completed_run_whose_report_was_kept_back_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.start(1)
        case.complete(1)
        case.approve(2)
        case.run(2)

    assert_fails(told(tmp_path, story), "completed run was reported", "attempt 1: a run completed but no report")


def test_a_report_of_a_run_that_never_completed_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.start(1)
        case.sign_report(1)

    assert_fails(told(tmp_path, story), "approved before its run", "approved and completed")


def test_a_report_signed_before_the_run_completed_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.start(1)
        case.sign_report(1)
        case.complete(1)

    assert_fails(told(tmp_path, story), "approved before its run", "not in this order")


def test_an_attempt_that_completed_twice_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.complete(1)

    assert_fails(told(tmp_path, story), "approved before its run", "job.completed stands twice")


# Step 14: different people.


@pytest.mark.parametrize("approver", ["account:1", "system", "claimant"])
def test_an_approval_by_the_mapper_or_by_nobody_fails(tmp_path: Path, approver: str) -> None:
    assert_fails(told(tmp_path, lambda case: case.approve(1, by=approver)), "their own work", "approved")


def test_an_approval_by_the_submitter_fails(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.prepare()
    case.others = case.others[:1]
    case.submit("account:2")
    case.map()
    case.approve(1, by="account:2")
    case.seal()
    result = verify_bundle(case.write())
    assert "account:2 approved what the same account had submitted" in result.steps[13].reason


def test_an_approval_before_the_matches_were_decided_fails(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.prepare()
    case.others = case.others[:1]
    case.submit()
    case.approve(1)
    case.map()
    case.seal()
    assert_fails(verify_bundle(case.write()), "their own work", "before anybody had decided")


@pytest.mark.parametrize("releaser", ["account:2", "system"])
def test_a_release_by_the_approver_or_by_nobody_fails(tmp_path: Path, releaser: str) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.release(1, by=releaser)

    assert_fails(told(tmp_path, story), "their own work", "released")


def test_who_mapped_after_an_approval_may_have_approved(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.map(by="account:2")

    assert told(tmp_path, story).passed


# Step 15: releases.


@pytest.mark.parametrize("outcome", ["failed", "inconclusive"])
def test_a_release_of_what_did_not_pass_fails(tmp_path: Path, outcome: str) -> None:
    def story(case: Case) -> None:
        approve_and_run(case, outcome=outcome)
        case.release(1)

    assert_fails(told(tmp_path, story), "passed reports were released", "no report with the outcome passed")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"report_envelope_sha256": OTHER_DIGEST}, "another report"),
        ({"replaced_model_sha256": OTHER_DIGEST}, "replaced model"),
        ({"mapped_by": ()}, "other people"),
        ({"approved_by": "account:8"}, "other people"),
        ({"released_by": "account:8"}, "other people"),
        ({"record_entries": 99}, "came after it"),
    ],
)
def test_a_release_that_misstates_the_record_fails(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.release(1, **change)

    assert_fails(told(tmp_path, story), "passed reports were released", reason)


def test_a_release_of_another_model_than_the_reports_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.log.append(case.subject, "item.released", "account:3", item="1", attempt=1, model_sha256=OTHER_DIGEST)
        release = Release(**case.release_fields(1, "account:3") | {"released_model_sha256": OTHER_DIGEST})
        case.sign(Statement((Subject("model", OTHER_DIGEST),), release))

    assert_fails(told(tmp_path, story), "passed reports were released", "not the one that the report is about")


def test_a_release_without_its_attestation_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        approve_and_run(case)
        case.log.append(case.subject, "item.released", "account:3", item="1", attempt=1, model_sha256=result_model(1))

    assert_fails(told(tmp_path, story), "passed reports were released", "without its attestation")


def test_a_release_before_its_report_was_signed_fails(tmp_path: Path) -> None:
    def story(case: Case) -> None:
        case.approve(1)
        case.start(1)
        case.complete(1)
        case.log.append(case.subject, "item.released", "account:3", item="1", attempt=1, model_sha256=result_model(1))
        case.sign_report(1)
        case.sign(Statement((Subject("model", result_model(1)),), Release(**case.release_fields(1, "account:3"))))

    assert_fails(told(tmp_path, story), "passed reports were released", "before its report was in the record")


# Whatever happens inside a check, there is a named step and no traceback.


def test_a_check_that_breaks_is_a_failed_step(honest_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(conduct, "check_duties", broken)
    assert_fails(verify_bundle(honest_bundle), "their own work", "ZeroDivisionError")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_a_failed_step(bundle: Path) -> None:
    (bundle / "checkpoint").chmod(0)
    assert_fails(verify_bundle(bundle), "checkpoint is signed", "cannot be read")


def test_the_protocols_digest_is_that_of_its_canonical_json() -> None:
    assert digest_of(PROTOCOL) == sha256_hex(canonical_json(PROTOCOL))
