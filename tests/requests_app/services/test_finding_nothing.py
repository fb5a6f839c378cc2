"""A search that finds nothing of what it was asked for, as it was written, has not looked for it: everywhere says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app import search_runner
from requests_app.casework.searches import search_view
from requests_app.models import Search
from requests_app.search_wording import missing_sentences, searched_sentences
from requests_app.services.intake import TargetDetails
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.engine.matching import Query

pytestmark = pytest.mark.django_db
NOTHING = "in a test, it found not one copy of it as it was written"


def found_of(query: Query) -> list[dict[str, Any]]:
    """The account is not found as it was written, and all else is."""
    rows = [("as_written", 0 if query.id == "other-1" else 100), ("upper_case", 3)]
    return [{"query": query.id, "edit": edit, "planted": 100, "found": found} for edit, found in rows]


@pytest.fixture
def search(staff: Staff, artefacts: Path, monkeypatch: pytest.MonkeyPatch) -> Search:  # noqa: ARG001  # written there
    monkeypatch.setattr(search_runner, "self_tested", found_of)
    target = TargetDetails(name=ADA, other_names=("@oddly", "Li"))
    return Stage.opened(staff, trained(corpus()), target=target).searched().request.searches.get()


def test_it_is_named_as_not_looked_for_and_the_search_is_not_complete(search: Search) -> None:
    assert not search.complete
    assert f"The search could not look for other name or account number 1: {NOTHING}." in missing_sentences(search)


def test_it_is_not_named_among_what_was_searched_for(search: Search) -> None:
    _when, sentence = searched_sentences(search)
    assert sentence.endswith(
        "for: the name; the e-mail address; other name or account number 1, as the value of a column;"
        " other name or account number 2, as the value of a column."
    )


def test_the_record_says_so_too(search: Search) -> None:
    entry = RecordEntry.objects.get(subject=search.request.subject, kind=RecordKind.MAPPING_COMPLETED)
    data = json.loads(bytes(entry.body))["data"]
    assert {"kind": "identifier", "obstacle": "finds_nothing"} in data["not_searchable"]
    assert data["complete"] is False
    assert [query["kind"] for query in data["queries"]].count("identifier") == 1


def test_the_page_has_one_row_for_what_was_asked_and_another_for_columns(search: Search) -> None:
    labels = {row["what"]: row["label"] for row in search_view(search.request, search)["queries"]}
    assert labels["other name or account number 1"] == f"Not searched: {NOTHING}"
    assert labels["other name or account number 1, as the value of a column"] == "Searched"
    assert labels["other name or account number 2"].startswith("Not searched: it is a single word")
    assert labels["the name"] == "Searched"
    assert len(labels) == len(search_view(search.request, search)["queries"])
