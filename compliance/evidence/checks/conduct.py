"""Steps about conduct: every run was approved beforehand, by somebody else, and only what passed was released."""

from __future__ import annotations

from typing import NoReturn

from compliance.evidence.bundle import ProvenEntry
from compliance.evidence.record import ACCOUNT_PREFIX, mappers
from compliance.formats.canonical import parse_time, sha256_hex
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind

from .attestations import Attempt, SignedRelease, SignedReport, Statements
from .log import History


def check_runs(history: History, statements: Statements) -> None:
    """Check that nothing ran before its protocol was approved, and that every completed run was reported."""
    approvals = _approvals(history)
    for started in history.of_kind(RecordKind.JOB_STARTED):
        approval = approvals.get(started.entry.attempt)
        if approval is None or approval.index > started.index:
            _fail(started.entry.attempt, "a run started before it was approved")
    completed = _once(history, RecordKind.JOB_COMPLETED)
    if unreported := completed.keys() - statements.reports.keys():
        _fail(min(unreported), "a run completed but no report of it was signed")
    for attempt, signed in statements.reports.items():
        if attempt not in completed or attempt not in approvals:
            _fail(attempt, "the record does not show that the reported run was approved and completed")
        _check_run(signed, history, approvals[attempt], completed[attempt])


def check_duties(history: History) -> None:
    """Check that the approver did not submit the request or decide on its matches, and did not release."""
    submitter = history.of_kind(RecordKind.REQUEST_SUBMITTED)[0].entry.data["submitted_by"]
    approvals = _approvals(history)
    for attempt, approval in approvals.items():
        approver = approval.entry.actor
        if not approver.startswith(ACCOUNT_PREFIX):
            _fail(attempt, f"it was approved by {approver}, which is not an officer's account")
        mapped_by = mappers(history.bodies, approval.entry.number)
        if approver == submitter or approver in mapped_by:
            _fail(attempt, f"{approver} submitted the request or decided on its matches, and approved the attempt")
        if not mapped_by:
            _fail(attempt, "it was approved before anybody had decided on the matches")
    for attempt, released in _once(history, RecordKind.ITEM_RELEASED).items():
        releaser = released.entry.actor
        if attempt not in approvals or not releaser.startswith(ACCOUNT_PREFIX):
            _fail(attempt, f"it was released without an approval, or by {releaser}, which is not an officer's account")
        if releaser == approvals[attempt].entry.actor:
            _fail(attempt, f"{releaser} approved the attempt and released it")


def check_releases(history: History, statements: Statements) -> None:
    """Check that only models of passed reports were released, and that signed releases and record agree."""
    released = _once(history, RecordKind.ITEM_RELEASED)
    if unmatched := released.keys() ^ statements.releases.keys():
        _fail(min(unmatched), "a release is in the record without its attestation, or the other way round")
    for attempt, signed in statements.releases.items():
        report = statements.reports.get(attempt)
        if report is None or report.report.verdict.outcome != "passed":
            _fail(attempt, "a model was released that has no report with the outcome passed")
        if report.envelope.place.index > min(released[attempt].index, signed.envelope.place.index):
            _fail(attempt, "it was released before its report was in the record")
        _check_release(signed, report, released[attempt], history)


def _check_run(signed: SignedReport, history: History, approval: ProvenEntry, completed: ProvenEntry) -> None:
    report, attempt = signed.report, signed.envelope.place.entry.attempt
    if report.protocol_sha256 != approval.entry.data["protocol_sha256"]:
        _fail(attempt, "the report's protocol is not the approved one")
    if parse_time(report.started_at) < approval.entry.moment:
        _fail(attempt, "the report says that the run started before it was approved")
    starts = [proven.index for proven in history.of_kind(RecordKind.JOB_STARTED) if proven.entry.attempt == attempt]
    if not starts or not starts[0] < completed.index < signed.envelope.place.index:
        _fail(attempt, "the record does not show the start, the completion and the report in this order")


def _check_release(signed: SignedRelease, report: SignedReport, released: ProvenEntry, history: History) -> None:
    release, attempt = signed.release, released.entry.attempt
    approval = _approvals(history)[attempt].entry
    # The release repeats who did what, so that it can be read without the record. Both must name the same accounts.
    people = (mappers(history.bodies, approval.number), approval.actor, released.entry.actor)
    if release.report_envelope_sha256 != sha256_hex(report.envelope.raw):
        _fail(attempt, "the release names another report")
    models = {release.released_model_sha256, released.entry.data["model_sha256"], report.report.result_model_sha256}
    if len(models) != 1:
        _fail(attempt, "the released model is not the one that the report is about")
    if release.replaced_model_sha256 != report.report.base_model_sha256:
        _fail(attempt, "the replaced model is not the one that the run started from")
    if (release.mapped_by, release.approved_by, release.released_by) != people:
        _fail(attempt, "the release names other people than the record does")
    if release.record_entries >= signed.envelope.place.entry.number:
        _fail(attempt, "the release counts record entries that came after it")


def _approvals(history: History) -> dict[Attempt, ProvenEntry]:
    return _once(history, RecordKind.PROPOSAL_APPROVED)


def _once(history: History, kind: str) -> dict[Attempt, ProvenEntry]:
    """Return the entries of a kind that an attempt may have only once, by attempt."""
    entries: dict[Attempt, ProvenEntry] = {}
    for proven in history.of_kind(kind):
        attempt = proven.entry.attempt
        if attempt in entries:
            _fail(attempt, f"{kind} is in the record twice")
        entries[attempt] = proven
    return entries


def _fail(attempt: Attempt, reason: str) -> NoReturn:
    message = f"Item {attempt[0]}, attempt {attempt[1]}: {reason}."
    raise VerificationError(message)
