"""Steps about conduct: every run was approved beforehand, by somebody else, and only what passed was released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from compliance.evidence.bundle import ProvenEntry
from compliance.evidence.record import ACCOUNT_PREFIX, EntryBody, deciders, mappers
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind

from .attestations import Attempt, SignedReport, Statements
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
        _check_run(signed, history, completed[attempt])


def check_duties(entries: Sequence[EntryBody]) -> None:
    """Check that nobody approved who submitted the request, accepted its matches, closed their review, proposed or released.

    Args:
        entries: the request's history so far; the signing process asks before the history has ended.
    """
    # Step 5 of verification refuses a history that does not begin with its submission.
    submitter = next((entry.data["submitted_by"] for entry in _of_kind(entries, RecordKind.REQUEST_SUBMITTED)), "")
    approvals = _once_each(entries, RecordKind.PROPOSAL_APPROVED)
    for attempt, approval in approvals.items():
        approver = approval.actor
        if not approver.startswith(ACCOUNT_PREFIX):
            _fail(attempt, f"it was approved by {approver}, which is not an officer's account")
        mapped_by = mappers(entries, approval.number)
        if approver in _proposers(entries, attempt):
            _fail(attempt, f"{approver} proposed the method and approved the attempt")
        if approver == submitter or approver in mapped_by:
            _fail(attempt, f"{approver} submitted the request or decided on its matches, and approved the attempt")
        if not mapped_by:
            _fail(attempt, "it was approved before anybody had decided on the matches")
    for attempt, released in _once_each(entries, RecordKind.ITEM_RELEASED).items():
        releaser = released.actor
        if attempt not in approvals or not releaser.startswith(ACCOUNT_PREFIX):
            _fail(attempt, f"it was released without an approval, or by {releaser}, which is not an officer's account")
        if releaser == approvals[attempt].actor:
            _fail(attempt, f"{releaser} approved the attempt and released it")
    _check_endings(entries, submitter)


def _check_endings(entries: Sequence[EntryBody], submitter: str) -> None:
    """Check that nobody approved an end without unlearning who proposed it, submitted the request or decided on its matches.

    That nothing was found rests on the rejections, too.
    """
    proposers = {entry.data.get("ending"): entry.actor for entry in _of_kind(entries, RecordKind.ENDING_PROPOSED)}
    for entry in _of_kind(entries, RecordKind.ENDING_APPROVED):
        approver = entry.actor
        involved = {submitter, proposers.get(entry.data.get("ending")), *mappers(entries, entry.number)}
        if approver in involved.union(deciders(entries, entry.number)) or not approver.startswith(ACCOUNT_PREFIX):
            message = (
                f"Ending {entry.data.get('ending')!a}: {approver} approved it, who is no officer, proposed it, submitted the"
                " request or decided on its matches."
            )
            raise VerificationError(message)


def check_releases(history: History, statements: Statements) -> None:
    """Check that only models of passed reports were released, each by one entry and one signed release."""
    released = _once(history, RecordKind.ITEM_RELEASED)
    if unmatched := released.keys() ^ statements.releases.keys():
        _fail(min(unmatched), "a release is in the record without its attestation, or the other way round")
    for attempt, signed in statements.releases.items():
        report = statements.reports.get(attempt)
        if report is None or report.report.verdict.outcome != "passed":
            _fail(attempt, "a model was released that has no report with the outcome passed")
        if report.envelope.place.index > min(released[attempt].index, signed.envelope.place.index):
            _fail(attempt, "it was released before its report was in the record")


def _check_run(signed: SignedReport, history: History, completed: ProvenEntry) -> None:
    attempt = signed.envelope.place.entry.attempt
    starts = [proven.index for proven in history.of_kind(RecordKind.JOB_STARTED) if proven.entry.attempt == attempt]
    if not starts or not starts[0] < completed.index < signed.envelope.place.index:
        _fail(attempt, "the record does not show the start, the completion and the report in this order")


def _proposers(entries: Sequence[EntryBody], attempt: Attempt) -> set[str]:
    """Return who proposed the attempt; nobody in older records, in which a proposal does not name its attempt."""
    proposed = _of_kind(entries, RecordKind.PROPOSAL_SUBMITTED)
    return {entry.actor for entry in proposed if (entry.data.get("item"), entry.data.get("attempt")) == attempt}


def _of_kind(entries: Sequence[EntryBody], *kinds: str) -> list[EntryBody]:
    return [entry for entry in entries if entry.kind in kinds]


def _once_each(entries: Sequence[EntryBody], kind: str) -> dict[Attempt, EntryBody]:
    """Return the entries of a kind that an attempt may have only once, by attempt."""
    by_attempt: dict[Attempt, EntryBody] = {}
    for entry in _of_kind(entries, kind):
        if entry.attempt in by_attempt:
            _fail(entry.attempt, f"{kind} is in the record twice")
        by_attempt[entry.attempt] = entry
    return by_attempt


def _approvals(history: History) -> dict[Attempt, ProvenEntry]:
    return _once(history, RecordKind.PROPOSAL_APPROVED)


def _once(history: History, kind: str) -> dict[Attempt, ProvenEntry]:
    """Return the entries of a kind that an attempt may have only once, by attempt, with their places in the log."""
    _once_each(history.bodies, kind)
    return {proven.entry.attempt: proven for proven in history.of_kind(kind)}


def _fail(attempt: Attempt, reason: str) -> NoReturn:
    message = f"Item {attempt[0]}, attempt {attempt[1]}: {reason}."
    raise VerificationError(message)
