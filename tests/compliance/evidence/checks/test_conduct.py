"""Approved before it ran, by somebody else, and released only if it passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.evidence.statements import Release, Statement, Subject
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import format_time
from tests.compliance.evidence.engine_files import PROTOCOL, result_model
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.sample import SampleRequest
from tests.compliance.evidence.stories import approve_and_run, assert_fails, verify_story


def test_a_run_without_an_approval_fails(tmp_path: Path) -> None:
    assert_fails(verify_story(tmp_path, lambda sample: sample.start(1)), "approved before its run", "before it was approved")


def test_a_run_that_started_before_its_approval_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.start(1)
        approve_and_run(sample)

    assert_fails(verify_story(tmp_path, story), "approved before its run", "before it was approved")


def test_a_report_that_says_it_started_before_the_approval_fails(tmp_path: Path) -> None:
    result = verify_story(tmp_path, lambda sample: approve_and_run(sample, started_at=format_time(START)))
    assert_fails(result, "stands twice", "the run started before it was approved")


def test_a_protocol_that_changed_after_the_approval_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1, protocol=PROTOCOL | {"alpha": 0.2})
        sample.run(1)

    assert_fails(verify_story(tmp_path, story), "stands twice", "protocol is not the approved one")


def test_a_completed_run_whose_report_was_kept_back_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.complete(1)
        sample.approve(2)
        sample.run(2)

    assert_fails(verify_story(tmp_path, story), "completed run was reported", "attempt 1: a run completed but no report")


def test_a_report_of_a_run_that_never_completed_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.sign_report(1)

    assert_fails(verify_story(tmp_path, story), "approved before its run", "approved and completed")


def test_a_report_signed_before_the_run_completed_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.sign_report(1)
        sample.complete(1)

    assert_fails(verify_story(tmp_path, story), "approved before its run", "in this order")


def test_an_attempt_that_completed_twice_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample)
        sample.complete(1)

    assert_fails(verify_story(tmp_path, story), "approved before its run", "job.completed is in the record twice")


@pytest.mark.parametrize("approver", ["account:1", "system", "claimant"])
def test_an_approval_by_the_mapper_or_by_nobody_fails(tmp_path: Path, approver: str) -> None:
    assert_fails(verify_story(tmp_path, lambda sample: sample.approve(1, by=approver)), "their own work", "approved")


def test_an_approval_by_the_proposer_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.log.append(sample.subject, "proposal.submitted", "account:2", item="1", attempt=1)
        sample.approve(1)

    assert_fails(verify_story(tmp_path, story), "their own work", "account:2 proposed the method and approved")


def test_an_approval_by_the_submitter_fails(tmp_path: Path) -> None:
    sample = SampleRequest(tmp_path)
    sample.prepare()
    sample.others = sample.others[:1]
    sample.submit("account:2")
    sample.map()
    sample.approve(1, by="account:2")
    sample.seal()
    result = verify_bundle(sample.write())
    assert "account:2 submitted the request or decided on its matches, and approved" in result.steps[13].reason


def test_an_approval_before_the_matches_were_decided_fails(tmp_path: Path) -> None:
    sample = SampleRequest(tmp_path)
    sample.prepare()
    sample.others = sample.others[:1]
    sample.submit()
    sample.approve(1)
    sample.map()
    sample.seal()
    assert_fails(verify_bundle(sample.write()), "their own work", "before anybody had decided")


@pytest.mark.parametrize("releaser", ["account:2", "system"])
def test_a_release_by_the_approver_or_by_nobody_fails(tmp_path: Path, releaser: str) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample)
        sample.release(1, by=releaser)

    assert_fails(verify_story(tmp_path, story), "their own work", "released")


def test_who_mapped_after_an_approval_may_have_approved(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample)
        sample.map(by="account:2")

    duties = next(step for step in verify_story(tmp_path, story).steps if "their own work" in step.title)
    assert duties.passed


@pytest.mark.parametrize("outcome", ["failed", "inconclusive"])
def test_a_release_of_what_did_not_pass_fails(tmp_path: Path, outcome: str) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample, outcome=outcome)
        sample.release(1)

    assert_fails(verify_story(tmp_path, story), "whose report passed were released", "no report with the outcome passed")


def test_a_release_without_its_attestation_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        approve_and_run(sample)
        sample.log.append(sample.subject, "item.released", "account:3", item="1", attempt=1, model_sha256=result_model(1))

    assert_fails(verify_story(tmp_path, story), "whose report passed were released", "without its attestation")


def test_a_release_before_its_report_was_signed_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.complete(1)
        sample.log.append(sample.subject, "item.released", "account:3", item="1", attempt=1, model_sha256=result_model(1))
        sample.sign_report(1)
        sample.sign(Statement((Subject("model", result_model(1)),), Release(**sample.release_fields(1, "account:3"))))

    assert_fails(verify_story(tmp_path, story), "whose report passed were released", "before its report was in the record")


@pytest.mark.parametrize("approver", ["account:1", "account:4", "claimant"])
def test_an_end_that_its_own_proposer_a_mapper_or_no_officer_approved_fails(tmp_path: Path, approver: str) -> None:
    """The first officer decided on the matches, and the fourth one proposes the end."""

    def story(sample: SampleRequest) -> None:
        end = {"item": "1", "ending": 1, "outcome": "refused", "ground": "12_5"}
        sample.log.append(sample.subject, "ending.proposed", "account:4", **end)
        sample.log.append(sample.subject, "ending.approved", approver, **end)

    assert_fails(verify_story(tmp_path, story), "their own work", f"{approver} approved it")
