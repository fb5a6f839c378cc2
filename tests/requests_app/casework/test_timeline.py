"""Every kind of entry that a request's history may hold has a title."""

from __future__ import annotations

from compliance.evidence.checks.registrations import MADE_ELSEWHERE_BY
from compliance.formats.record_kinds import RecordKind
from requests_app.casework.timeline import TITLES


def test_every_kind_of_a_requests_history_has_a_title() -> None:
    kinds = {kind for kind in RecordKind if kind not in MADE_ELSEWHERE_BY}
    assert kinds <= set(TITLES)


def test_entries_of_older_versions_have_titles_too() -> None:
    assert TITLES["job.attempt_ended"] == TITLES[RecordKind.JOB_RUN_ENDED]
