"""Compares what is about to be signed with the record and with its own files, by the table that verification uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.evidence.agreements import (
    AGREEMENTS,
    MEASURED,
    NotRecomputableError,
    Story,
    ToldReport,
    check_agreements,
    outputs_read,
)
from compliance.evidence.checks.conduct import check_duties
from compliance.evidence.checks.course import check_course
from compliance.evidence.checks.forms import started_in_earlier_words
from compliance.evidence.record import REQUEST_PREFIX, EntryBody
from compliance.evidence.statements import MODEL_SUBJECT, Release, Statement, UnlearningReport, report_folder
from compliance.formats.canonical import parse_json, sha256_hex
from compliance.formats.errors import EvidenceError, VerificationError

from .errors import ContradictionError, StaleStateError
from .selectors import SignedStatement, refused_words


def statement_check(
    *,
    statement: Statement,
    subject: str,
    files: Mapping[str, str],
    entries: Sequence[EntryBody],
    others: Sequence[EntryBody],
    signed: Sequence[SignedStatement],
) -> None:
    """Check that a statement, the record and the statement's files say the same wherever they say something twice.

    Args:
        statement: what is about to be signed.
        subject: the record's subject, `request:<reference>`.
        files: the report's files: name in the bundle to path below ARTEFACTS.
        entries: the history of the request, proven to be in the log.
        others: the entries that registered what the statement names, proven as well.
        signed: the statements about the request that were signed before.

    Raises:
        ContradictionError: they do not.
        StaleStateError: whether they do cannot be checked here.
    """
    try:
        reports, releases = _told_so_far(statement, files, signed)
        reports = {one: _dated(told, entries, one) for one, told in reports.items()}
        story = Story(subject.removeprefix(REQUEST_PREFIX), entries, others, reports, releases)
        check_course(story.entries)
        check_duties(story.entries)
        check_agreements(story, AGREEMENTS)
        check_agreements(_with_outputs(story, files), MEASURED)
    except EvidenceError as error:
        message = f"Nothing was signed: {refused_words(subject)}. {error}"
        raise ContradictionError(message) from None


def _told_so_far(
    statement: Statement, files: Mapping[str, str], signed: Sequence[SignedStatement]
) -> tuple[dict[tuple[str, int], ToldReport], dict[tuple[str, int], Release]]:
    """Return the reports and the releases by item and attempt, the statement that is about to be signed among them."""
    # Reports that were signed before were checked with their files then.
    reports = {(one.row.item, one.row.attempt): ToldReport(one.report) for one in signed if one.report}
    predicates = [one.statement.predicate for one in signed]
    releases = {(one.item, one.attempt): one for one in predicates if isinstance(one, Release)}
    predicate = statement.predicate
    attempt = predicate.item, predicate.attempt
    if isinstance(predicate, UnlearningReport):
        reports[attempt] = _told(statement, predicate, files)
    else:
        releases[attempt] = predicate
        for one in signed:  # what is released is compared with what has been decided since
            if one.report and (one.row.item, one.row.attempt) == attempt:
                reports[attempt] = _told(one.statement, one.report, one.row.files)
    return reports, releases


def _told(statement: Statement, report: UnlearningReport, files: Mapping[str, str]) -> ToldReport:
    prefix = f"{report_folder(report.item, report.attempt)}/"
    digests = {one.name.removeprefix(prefix): one.sha256 for one in statement.subjects if one.name != MODEL_SUBJECT}
    result, spec = (_read(files[f"{prefix}{name}"], digests[name]) for name in ("result.json", "spec.json"))
    return ToldReport(report, digests, result, spec)


def _dated(told: ToldReport, entries: Sequence[EntryBody], attempt: tuple[str, int]) -> ToldReport:
    return replace(told, in_earlier_words=started_in_earlier_words(entries, attempt))


def _read(path: str, sha256: str) -> Any:
    raw = (Path(settings.ARTEFACTS) / path).read_bytes()
    if sha256_hex(raw) != sha256:
        message = f"{Path(path).name} changed while it was read."
        raise VerificationError(message)
    return parse_json(raw)


def _with_outputs(story: Story, files: Mapping[str, str]) -> Story:
    """Return the story with the raw outputs of the report that is about to be signed.

    Raises:
        StaleStateError: they cannot be read here, which says nothing about them.
    """
    reports = dict(story.reports)
    for attempt, told in story.reports.items():
        result = files.get(f"{report_folder(*attempt)}/result.json")
        if result is not None and told.result is not None:
            try:
                reports[attempt] = outputs_read(told, (Path(settings.ARTEFACTS) / result).parent)
            except NotRecomputableError as error:
                message = f"Nothing was signed: the raw outputs of {story.request} cannot be checked here: {error}."
                raise StaleStateError(message) from None
    return replace(story, reports=reports)
