"""What a search keeps: what was searched, what could not be and why. On a corpus that is really registered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from compliance.accounts.errors import NotAllowedError
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app import search_runner
from requests_app.models import ErasureRequest, Match, Search
from requests_app.search_facts import FINDS_NOTHING
from requests_app.search_runner import request_map
from requests_app.search_wording import OBSTACLES as OBSTACLE_WORDS
from requests_app.search_wording import missing_sentences, searched_sentences
from requests_app.self_test_wording import self_test_sentences
from requests_app.services.findings import search_covers_all
from requests_app.services.intake import ClaimantDetails, TargetDetails, request_submit
from requests_app.services.mapping import match_add
from requests_app.services.queries import request_queries
from requests_app.services.search_orders import MAP_TASK, request_search_again
from requests_app.states import RequestState
from tests.endings import reviewed_again
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.engine.matching import FORMER_OBSTACLES, OBSTACLES, VERSION, time_limit
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(artefacts: Path) -> ModelVersion:
    assert not artefacts.exists()
    return trained(corpus())


@pytest.fixture
def opened(staff: Staff, model: ModelVersion) -> Stage:
    return Stage.opened(staff, model)


def search_for(stage: Stage, name: str, *others: str, key: str = "k2") -> Search:
    """The search for another request, about this name."""
    target = TargetDetails(name=name, other_names=others)
    return Stage.opened(stage.staff, stage.model, key, target).searched().request.searches.get()


def recorded(search: Search) -> dict[str, Any]:
    entry = RecordEntry.objects.filter(subject=search.request.subject, kind=RecordKind.MAPPING_COMPLETED).latest("number")
    data = json.loads(bytes(entry.body))["data"]
    assert isinstance(data, dict)
    return data


def test_the_search_finds_the_person_and_marks_where(opened: Stage) -> None:
    matches = list(opened.searched().request.matches.all())

    assert matches
    assert all(start < end for match in matches for start, end in match.spans)
    assert {match.example_set for match in matches} == {"train"}


def test_a_match_names_what_was_asked_for_and_found_in_it(opened: Stage) -> None:
    search = search_for(opened, ADA, "ada@lighthouse.example", "Nobody Atall")
    assert {tuple(match.queries) for match in search.request.matches.all()} == {("name",)}


def test_a_match_that_was_found_before_names_what_finds_it_now_as_well(opened: Stage) -> None:
    request = opened.searched().request
    request.matches.update(queries=["location-1"])
    request_search_again(request=request, by=opened.staff.omar)
    request_map(request_id=request.pk)
    assert {tuple(match.queries) for match in request.matches.all()} == {("location-1", "name")}


def test_a_search_keeps_what_was_searched_and_by_which_matchers(opened: Stage) -> None:
    search = opened.searched().request.searches.get()

    assert search.complete
    assert search.matcher == VERSION
    assert [query["obstacle"] for query in search.queries] == ["", ""]
    [target] = search.targets
    assert (target["model_sha256"], target["snapshot_sha256"]) == (opened.model.digest, opened.model.snapshot.digest)
    assert recorded(search)["searched"] == [opened.model.snapshot.digest]
    assert missing_sentences(search) == []
    assert "1 model in use" in searched_sentences(search)[0]


@pytest.mark.parametrize(
    ("name", "obstacle"),
    [
        ("Li", "single_word"),
        ("!?", "nothing_to_search_for"),
    ],
)
def test_a_name_that_cannot_be_searched_for_is_kept_with_its_reason(opened: Stage, name: str, obstacle: str) -> None:
    search = search_for(opened, name)

    assert not search.complete
    assert {"id": "name", "kind": "name", "obstacle": obstacle} in search.queries
    assert recorded(search)["not_searchable"] == [{"kind": "name", "obstacle": obstacle}]
    assert missing_sentences(search) == [f"The search could not look for the name: {OBSTACLE_WORDS[obstacle]}."]
    assert name not in json.dumps([search.queries, recorded(search)], ensure_ascii=False)


def test_an_example_that_took_too_long_is_kept_recorded_and_said(opened: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_runner, "self_tested", lambda _query: [])  # nothing would be found
    monkeypatch.setattr(time_limit, "SECONDS", -1.0)
    monkeypatch.setattr(time_limit, "SECONDS_PER_CHARACTER", 1 / 1000)  # all but the long text take too long
    search = opened.searched().request.searches.get()

    [target] = search.targets
    assert target["unsearched"] == ["e00000000", "e00000001", "e00000003"]
    assert {"snapshot": target["snapshot_sha256"], "example_id": "e00000001", "obstacle": "took_too_long"} in recorded(
        search
    )["not_searchable"]
    assert not search.complete
    assert recorded(search)["complete"] is False
    assert missing_sentences(search) == ["3 examples could not be searched to their end: they took too long."]


def test_every_obstacle_has_words() -> None:
    of_requests = {"too_short", "too_many", "no_address", "only_addresses", "no_encoder", "bad_encoder", FINDS_NOTHING}
    assert set(OBSTACLE_WORDS) == {*OBSTACLES, *FORMER_OBSTACLES, *of_requests}


def test_an_account_that_cannot_be_searched_for_is_named_by_its_number(opened: Stage) -> None:
    search = search_for(opened, ADA, "ada_b", "...")

    assert missing_sentences(search) == [
        (
            "The search could not look for other name or account number 2: "
            "it is neither an e-mail address, nor an account name, nor a web address."
        )
    ]


def test_a_search_without_an_active_model_is_no_complete_search(opened: Stage) -> None:
    ModelVersion.objects.update(state=ModelState.QUARANTINED)
    search = opened.searched().request.searches.get()

    assert not search.complete
    assert searched_sentences(search) == ["Nothing could be searched."]
    assert missing_sentences(search) == ["No model was in use, so there was no training data to search."]


def test_training_data_that_cannot_be_read_leaves_a_search_that_says_so(opened: Stage) -> None:
    shutil.rmtree(settings.ARTEFACTS / opened.model.snapshot.path)
    request = opened.searched().request

    assert request.state == RequestState.REVIEW
    assert missing_sentences(request.searches.get()) == [
        "The training data of 1 model, in use or being trained, could not be read."
    ]


def test_a_model_that_came_into_use_later_was_not_searched(opened: Stage) -> None:
    search = opened.searched().request.searches.get()
    assert search_covers_all(search)
    trained(corpus("shore"), "pilot")

    assert not search_covers_all(search)


def test_a_search_that_runs_twice_finds_nothing_twice(opened: Stage) -> None:
    request = opened.searched().request
    count = request.matches.count()
    with pytest.raises(StaleStateError):
        request_map(request_id=request.pk)

    assert (request.matches.count(), request.searches.count()) == (count, 1)
    assert ErasureRequest.objects.get(pk=request.pk).state == RequestState.REVIEW


def test_the_record_of_a_search_holds_no_query_in_clear(opened: Stage) -> None:
    request = opened.searched().request
    entry = RecordEntry.objects.get(subject=request.subject, kind=RecordKind.MAPPING_COMPLETED)

    assert ADA.split()[0].encode() not in bytes(entry.body)
    assert b"hmac" in bytes(entry.body)


def test_searching_again_keeps_decisions_and_finds_what_is_new(
    opened: Stage, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    request = opened.searched().request
    request.matches.update(decision=Match.Decision.REJECTED, decided_by=opened.staff.omar)
    trained(corpus("shore"), "pilot")  # the same texts, in a corpus of its own
    with django_capture_on_commit_callbacks() as callbacks:
        request_search_again(request=request, by=opened.staff.omar)
    assert [getattr(callback, "args", ()) for callback in callbacks] == [(MAP_TASK, request.pk)]
    request_map(request_id=request.pk)

    decisions = sorted(request.matches.values_list("snapshot__corpus__name", "decision"))
    assert decisions == [*[("harbour", "rejected")] * 4, *[("shore", "open")] * 4]
    assert [search.number for search in request.searches.order_by("number")] == [1, 2]


def test_the_items_wait_while_the_search_is_repeated_and_new_ones_join_them(opened: Stage) -> None:
    first = opened.searched().reviewed()
    request = request_search_again(request=opened.request, by=opened.staff.omar)
    request_map(request_id=request.pk)
    match_add(
        request=request,
        snapshot=opened.model.snapshot,
        example_id="e00000009",
        reason="It describes her without her name.",
        by=opened.staff.omar,
    )
    opened.request = request
    reviewed_again(opened)

    items = request.items.order_by("number")
    assert [item.example_ids for item in items] == [first.example_ids, ["e00000009"]]


def test_who_approved_something_in_the_request_does_not_map_it(opened: Stage) -> None:
    opened.searched().approved()
    with pytest.raises(NotAllowedError, match="another officer must review"):
        request_search_again(request=opened.request, by=opened.staff.lena)


@pytest.mark.parametrize("sql", ["UPDATE requests_app_search SET complete = true", "DELETE FROM requests_app_search"])
def test_the_database_refuses_to_change_a_search(opened: Stage, sql: str) -> None:
    opened.searched()
    with pytest.raises(DatabaseError, match="search_is_fixed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_address_of_a_representative_is_not_searched_for() -> None:
    claimant = ClaimantDetails(name="Mother Beispiel", email="mother@example.org", on_behalf=True)
    target = TargetDetails(name=ADA)
    request = request_submit(kind="erasure", language="en", claimant=claimant, target=target, submission_key="k1")

    assert [query.value for query in request_queries(request)] == [ADA]


def test_a_work_is_searched_for_by_its_text() -> None:
    target = TargetDetails(name="Ada Verlag", work_title="A title", work_text="Eight words and more of an original text")
    claimant = ClaimantDetails(name=ADA, email="rights@example.org")
    request = request_submit(kind="copyright", language="en", claimant=claimant, target=target, submission_key="k1")

    asked = [(query.kind, query.value) for query in request_queries(request)]
    assert asked == [("exact", target.work_text), ("meaning", target.work_text), ("exact", "A title")]


def test_the_self_test_of_a_search_is_said_in_sentences() -> None:
    search = Search(self_test=[{"query": "work", "edit": "changed_10", "planted": 100, "found": 99}], targets=[])
    assert self_test_sentences(search) == [
        "Of 100 copies of the text of the work with one word in ten changed, this search finds 99."
    ]


@pytest.mark.parametrize(("by", "said"), [("index", True), ("sweep", False)])
def test_a_self_test_beside_an_index_says_that_it_did_not_ask_it(by: str, said: bool) -> None:
    tested = [{"query": "work", "edit": "changed_10", "planted": 100, "found": 99}]
    sentences = self_test_sentences(Search(self_test=tested, targets=[{"read": {"by": by}}]))
    assert any("not from the index" in sentence for sentence in sentences) == said
    assert self_test_sentences(Search(targets=[{"read": {"by": by}}])) == []
