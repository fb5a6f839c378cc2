"""The steps about what is said twice: entries, signed statements, the engine's files and the raw outputs must agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compliance.evidence.agreements import (
    AGREEMENTS,
    MEASURED,
    Story,
    ToldReport,
    check_agreements,
    outputs_read,
)
from compliance.evidence.bundle import BundleFolder
from compliance.evidence.statements import report_folder
from compliance.formats.canonical import parse_json, sha256_hex
from compliance.formats.errors import EvidenceError, VerificationError

from .attestations import SignedReport, Statements
from .forms import started_in_earlier_words
from .log import History


def check_findings(folder: BundleFolder, statements: Statements, history: History) -> Story:
    """Check that every fact that stands twice in the bundle says the same; return the story that it tells."""
    others = [proven.entry for proven in history.others]
    reports = {attempt: _told(folder, signed, history) for attempt, signed in statements.reports.items()}
    releases = {attempt: signed.release for attempt, signed in statements.releases.items()}
    story = Story(history.request, history.bodies, others, reports, releases)
    check_agreements(story, AGREEMENTS)
    return story


def check_outputs(folder: BundleFolder, story: Story) -> None:
    """Check that the raw outputs are such, and give what the results state.

    Raises:
        VerificationError: they are not, or give something else.
        NotRecomputableError: they cannot be read here.
    """
    reports = {}
    for attempt, told in story.reports.items():
        try:
            reports[attempt] = outputs_read(told, folder.root / report_folder(*attempt))
        except VerificationError as error:
            message = f"Item {attempt[0]}, attempt {attempt[1]}: {error}"
            raise VerificationError(message) from None
    check_agreements(replace(story, reports=reports), MEASURED)


def _told(folder: BundleFolder, signed: SignedReport, history: History) -> ToldReport:
    files = {name.removeprefix(f"{signed.folder}/"): digest for name, digest in signed.files.items()}
    try:
        result, spec = (_read(folder, signed, name) for name in ("result.json", "spec.json"))
    except EvidenceError as error:
        message = f"{signed.folder}: {error}"
        raise VerificationError(message) from None
    earlier = started_in_earlier_words(history.bodies, (signed.report.item, signed.report.attempt))
    return ToldReport(signed.report, files, result, spec, in_earlier_words=earlier)


def _read(folder: BundleFolder, signed: SignedReport, name: str) -> Any:
    path = f"{signed.folder}/{name}"
    raw = folder.read(path)
    # An earlier step has hashed this file already, but from disk: these are the bytes that are used.
    if sha256_hex(raw) != signed.files[path]:
        message = f"{name} changed while it was read."
        raise VerificationError(message)
    return parse_json(raw)
