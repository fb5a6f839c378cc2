"""The review of the matches through the pages."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from requests_app.models import Match
from requests_app.states import RequestState
from tests.personas import ADA
from tests.staging import Stage, erased_elsewhere
from tests.web.pages import Site, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(stage: Stage) -> str:
    stage.searched()
    return f"/cases/{stage.request.reference}/matches/"


def decisions(stage: Stage) -> dict[str, str]:
    return dict(stage.request.matches.values_list("example_id", "decision"))


def test_every_find_is_marked_in_the_text(omar: Site, address: str) -> None:
    marks = [text_of(mark) for mark in omar.get(address).all("mark")]
    assert set(marks) == {ADA}
    assert len(marks) >= 5


def test_the_text_of_an_example_is_never_taken_for_html(omar: Site, address: str) -> None:
    page = omar.get(address)
    assert "Who painted the <b>boat</b>?" in page.words
    assert not page.all("b")


def test_a_long_text_is_shortened_and_can_be_shown_whole(omar: Site, address: str) -> None:
    page = omar.get(address)
    summaries = [text_of(one) for one in page.all("summary", page.one("ol", class_="matches"))]
    assert [words for words in summaries if words.startswith("Show all")] == ["Show all of e00000002"]


def test_one_match_is_accepted_and_the_page_returns_to_it(stage: Stage, omar: Site, address: str) -> None:
    match = stage.request.matches.get(example_id="e00000001")
    page = omar.get(address)
    form = page.form(address)
    hidden = {name: str(page.one("input", form, name=name).get("value")) for name in ("csrfmiddlewaretoken", "stated")}
    response = omar.client.post(address, {"accept": str(match.pk)} | hidden)
    assert response["Location"] == f"{address}#match-{match.pk}"
    assert decisions(stage)["e00000001"] == "accepted"
    assert list(decisions(stage).values()).count("open") == 3


def test_a_decision_can_be_changed_while_the_review_lasts(stage: Stage, omar: Site, address: str) -> None:
    key = str(stage.request.matches.get(example_id="e00000001").pk)
    page = omar.submit(omar.get(address), {"reject": key}, action=address)
    omar.submit(page, {"accept": key}, action=address)
    assert decisions(stage)["e00000001"] == "accepted"


def test_only_matches_of_this_request_can_be_decided(stage: Stage, omar: Site, address: str) -> None:
    other = Stage.opened(stage.staff, stage.model, key="k2").searched()
    foreign = other.request.matches.first()
    assert foreign is not None
    page = omar.get(address)
    omar.submit(page, {"accept": str(foreign.pk)}, action=address, status=409)
    assert set(decisions(other).values()) == {"open"}


def test_the_filter_shows_one_kind_of_decision(stage: Stage, omar: Site, address: str) -> None:
    Match.objects.filter(example_id="e00000002").update(decision="accepted", decided_by=stage.staff.omar)
    page = omar.get(f"{address}?decision=accepted")
    assert [text_of(h2) for h2 in page.one("ol", class_="matches").iter("h3")] == ["e00000002"]
    assert page.link("Decision: Accepted") == "?"


def test_a_review_that_has_ended_meanwhile_changes_nothing_and_says_so(stage: Stage, omar: Site, address: str) -> None:
    page = omar.get(address)
    stage.reviewed()
    key = str(stage.request.matches.earliest("pk").pk)
    after = omar.submit(page, {"reject": key}, action=address, status=409)
    assert "Since this page was shown, something has changed: the matches." in after.words
    assert "Matches can be decided only while the request is under review." in after.words
    assert set(decisions(stage).values()) == {"accepted"}


def test_a_corpus_that_cannot_be_read_leaves_a_page_that_says_so(stage: Stage, omar: Site, address: str) -> None:
    shutil.rmtree(settings.ARTEFACTS / stage.model.snapshot.path)
    assert "The text cannot be read." in omar.get(address).words


def test_the_review_cannot_end_while_matches_are_open(stage: Stage, omar: Site, address: str) -> None:
    assert "Accept or reject them first" in omar.get(f"{address}complete/").words
    response = omar.client.post(f"{address}complete/", {"csrfmiddlewaretoken": omar.client.cookies["csrftoken"].value})
    assert response.status_code == 409
    stage.request.refresh_from_db()
    assert stage.request.state == RequestState.REVIEW


def test_the_confirmation_says_what_follows(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.update(decision="accepted", decided_by=stage.staff.omar)
    page = omar.get(f"{address}complete/")
    assert "An item is created for keeper, which has learned 4 of these examples" in page.words
    omar.submit(page, action=f"{address}complete/")
    assert stage.item.example_ids == ["e00000000", "e00000001", "e00000002", "e00000003"]


def test_the_confirmation_counts_what_the_item_will_have(stage: Stage, omar: Site, address: str) -> None:
    """Two of the four have been erased for somebody else meanwhile."""
    erased_elsewhere(stage.model, "e00000000", "e00000001")
    stage.request.matches.update(decision="accepted", decided_by=stage.staff.omar)
    page = omar.get(f"{address}complete/")
    assert "has learned 2 of these examples" in page.words
    omar.submit(page, action=f"{address}complete/")
    assert stage.item.example_ids == ["e00000002", "e00000003"]


def test_with_nothing_accepted_the_review_leads_to_a_proposal_to_close(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.update(decision="rejected", decided_by=stage.staff.omar)
    page = omar.get(f"{address}complete/")
    assert page.link("See how the request can be closed") == f"/cases/{stage.request.reference}/close/"
    token = omar.client.cookies["csrftoken"].value
    assert omar.client.post(f"{address}complete/", {"csrfmiddlewaretoken": token}).status_code == 409
    stage.request.refresh_from_db()
    assert stage.request.state == RequestState.REVIEW


def test_an_empty_list_says_what_was_searched(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.all().delete()
    page = omar.get(address)
    assert "There are no matches" in page.words
    assert "The training data that we have of 1 model in use was searched" in page.words
    assert "There is no match to accept or reject." in page.words
    assert "Every match has been accepted" not in page.words
    case = omar.get(f"/cases/{stage.request.reference}/").words
    assert "There is no match. Finish the review, or add matches by hand." in case
    assert "0 of 0" not in case


def test_an_example_is_added_by_hand_with_a_reason(stage: Stage, omar: Site, address: str) -> None:
    form = omar.get(f"{address}add/")
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": "e00000007", "reason": ""}
    assert "Say why" in omar.submit(form, values, status=422).field_error("reason")
    page = omar.submit(form, values | {"reason": "It describes her without her name."})
    assert "found by an officer, by hand" in page.words
    assert "It describes her without her name." in page.words
    assert decisions(stage)["e00000007"] == "accepted"


def test_an_example_that_is_not_there_cannot_be_added(stage: Stage, omar: Site, address: str) -> None:
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": "e99999999", "reason": "It describes her."}
    page = omar.submit(omar.get(f"{address}add/"), values, status=409)
    assert "The snapshot has no example" in page.words


def test_search_again_is_a_button_while_the_case_is_open(stage: Stage, omar: Site, address: str) -> None:
    page = omar.submit(omar.get(address), action=f"/cases/{stage.request.reference}/search/")
    assert "Searching training data" in page.words
    stage.request.refresh_from_db()
    assert stage.request.state == RequestState.MAPPING
