"""Every kind of entry that a request's history may hold has a title."""

from __future__ import annotations

from compliance.formats.record_kinds import RecordKind
from requests_app.casework.timeline import TITLES

IN_OTHER_HISTORIES = {"account", "canaries", "checkpoint", "corpus", "data", "keys", "ledger", "log", "model", "recipe"}
OF_MODELS = {RecordKind.COPY_REGISTERED, RecordKind.COPY_RETIRED}
"""They stand in the histories of models and corpora; that a copy was settled stands in a request's."""


def test_every_kind_of_a_requests_history_has_a_title() -> None:
    kinds = {kind for kind in RecordKind if kind.partition(".")[0] not in IN_OTHER_HISTORIES}
    assert kinds - OF_MODELS <= set(TITLES)


def test_entries_of_older_versions_have_titles_too() -> None:
    assert TITLES["job.attempt_ended"] == TITLES[RecordKind.JOB_RUN_ENDED]
