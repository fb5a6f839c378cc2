"""Ends without unlearning through the pages: proposed by one officer, read and approved or declined by another."""

from __future__ import annotations

import pytest

from requests_app.models import ErasureRequest
from requests_app.search_runner import request_map
from requests_app.services.matches import matches_decide
from requests_app.services.search_orders import request_search_again
from requests_app.states import ItemState, RequestState
from tests.endings import NOT_HERS, REASONS, refusal_proposed
from tests.personas import ADA
from tests.staging import Stage, erased_elsewhere
from tests.web.pages import Page, Site, text_of
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

pytestmark = pytest.mark.django_db
WHY = "The name is one word, and nobody could tell us more than that."


def address(stage: Stage, rest: str = "") -> str:
    return f"/cases/{stage.request.reference}/{rest}"


def state_of(stage: Stage) -> tuple[str, str]:
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    return request.state, request.outcome


def letter(page: Page) -> str:
    return text_of(page.one("pre", class_="letter"))


def press(site: Site, page: Page, path: str, status: int = 302, **values: str) -> None:
    hidden = {name: page.all("input", name=name) for name in ("csrfmiddlewaretoken", "stated")}
    values |= {name: str(fields[0].get("value")) for name, fields in hidden.items() if fields}
    assert site.client.post(path, values).status_code == status


@pytest.fixture
def refusal(stage: Stage) -> str:
    refusal_proposed(stage.searched())
    return address(stage, "endings/1/")


def test_who_approves_a_refusal_sees_ground_reasons_matches_search_and_letter(lena: Site, refusal: str) -> None:
    page = lena.get(refusal)
    assert "Art. 17(3)(e): legal claims" in page.words
    assert REASONS in page.words
    assert {text_of(mark) for mark in page.all("mark")} == {ADA}
    assert "The training data that we have of 1 model in use was searched" in page.words
    assert REASONS in letter(page)


def test_a_second_officer_approves_a_refusal(stage: Stage, lena: Site, refusal: str) -> None:
    press(lena, lena.get(refusal), refusal, decision="approve")
    assert (stage.item.state, *state_of(stage)) == (ItemState.REFUSED, RequestState.CLOSED, "refused")
    assert "Approved bylena" in lena.get(refusal).words


def test_the_proposer_cannot_approve_and_can_take_it_back(stage: Stage, omar: Site, refusal: str) -> None:
    page = omar.get(refusal)
    assert "You proposed this yourself; another officer must approve it." in page.words
    press(omar, page, refusal, status=403, decision="approve")
    press(omar, page, refusal, decision="decline", reason="I mixed up two requests.")
    assert stage.item.state == ItemState.DECIDING


def test_declining_a_refusal_asks_why_and_the_proposer_reads_it(stage: Stage, lena: Site, omar: Site, refusal: str) -> None:
    press(lena, lena.get(refusal), refusal, status=409, decision="decline", reason="no")
    assert stage.item.state == ItemState.ENDING
    press(lena, lena.get(refusal), refusal, decision="decline", reason="The case is over.")
    assert "declined by lena: The case is over." in omar.get(address(stage)).words
    assert "The case is over." in omar.get(refusal).words


def test_neither_yes_nor_no_changes_nothing(stage: Stage, lena: Site, refusal: str) -> None:
    press(lena, lena.get(refusal), refusal, status=409, decision="perhaps")
    assert stage.item.state == ItemState.ENDING


def test_nothing_found_is_proposed_with_its_letter_and_approved_by_another(stage: Stage, omar: Site, lena: Site) -> None:
    stage.searched().request.matches.update(decision="rejected", decided_by=stage.staff.omar)
    page = omar.get(address(stage, "close/"))
    assert "“Nothing found”" in page.words
    proposed = omar.submit(page, action=address(stage, "close/"))
    assert "You proposed this yourself" in proposed.words
    assert letter(proposed) == letter(page)
    assert omar.get(address(stage)).link("close as “Nothing found”") == address(stage, "endings/1/")
    press(lena, lena.get(address(stage, "endings/1/")), address(stage, "endings/1/"), decision="approve")
    assert state_of(stage) == (RequestState.CLOSED, "no_match")


def test_a_search_that_was_not_possible_is_closed_with_an_explanation(stage: Stage, omar: Site) -> None:
    stage.searched().request.matches.all().delete()
    ModelVersion.objects.update(state=ModelState.QUARANTINED)
    request_search_again(request=stage.request, by=stage.staff.omar)
    request_map(request_id=stage.request.pk)
    path = address(stage, "close/")

    page = omar.get(path)
    assert "“Could not be searched in full”" in page.words
    assert "No model was in use" in page.words
    refused = omar.submit(page, {"reasons": "no"}, action=path, status=422)
    assert "at least one whole sentence" in refused.field_error("reasons")
    preview = omar.submit(page, {"reasons": WHY}, action=path)
    assert WHY in letter(preview)
    assert state_of(stage) == (RequestState.REVIEW, "")
    omar.submit(preview, action=path)
    assert stage.request.endings.get().reasons == WHY


def test_a_request_that_has_something_to_unlearn_cannot_be_closed(stage: Stage, omar: Site) -> None:
    stage.searched().request.matches.update(decision="accepted", decided_by=stage.staff.omar)
    assert "cannot be closed without an item" in omar.get(address(stage, "close/"), status=409).words


def test_facts_that_changed_after_the_preview_are_refused(stage: Stage, omar: Site) -> None:
    stage.searched().request.matches.update(decision="rejected", decided_by=stage.staff.omar)
    page = omar.get(address(stage, "close/"))
    stage.request.matches.update(decision="accepted")
    erased_elsewhere(stage.model, *stage.request.matches.values_list("example_id", flat=True))
    page = omar.submit(page, action=address(stage, "close/"), status=409)
    assert "has changed" in page.words
    assert state_of(stage) == (RequestState.REVIEW, "")


def test_an_item_of_which_nothing_is_left_is_ended(stage: Stage, omar: Site) -> None:
    item = stage.searched().granted()
    assert "still knows these examples" in omar.get(address(stage, "items/1/lapse/"), status=409).words
    erased_elsewhere(stage.model, *item.example_ids)
    assert omar.get(address(stage)).link("nothing is left to unlearn") == address(stage, "items/1/lapse/")
    impossible = omar.get(address(stage, "items/1/propose/"), status=409)
    assert impossible.link("nothing is left to unlearn") == address(stage, "items/1/lapse/")
    page = omar.get(address(stage, "items/1/lapse/"))
    assert "4 passages that were found were on our list of what models must not learn" in letter(page)
    omar.submit(page, action=address(stage, "items/1/lapse/"))
    assert stage.item.state == ItemState.ENDING


def test_the_page_of_a_request_says_what_was_searched_and_what_could_not_be(stage: Stage, omar: Site) -> None:
    assert "Nothing has been searched yet." in omar.get(address(stage)).words
    stage.searched()
    page = omar.get(address(stage))
    assert "The training data that we have of 1 model in use was searched" in page.words
    assert "keeper v1" in page.words
    assert "lethe-matching/" in page.words


def test_what_a_later_review_rejected_leaves_its_item_through_the_pages_of_two_officers(
    stage: Stage, omar: Site, lena: Site
) -> None:
    stage.searched().granted()
    request_search_again(request=stage.request, by=stage.staff.omar)
    request_map(request_id=stage.request.pk)
    first = stage.request.matches.order_by("example_id")[0]
    matches_decide(request=stage.request, match_ids=[first.pk], accept=False, by=stage.staff.omar)
    page = omar.get(address(stage, "matches/complete/"))
    assert "Item 1 holds examples that are rejected now." in page.words
    assert page.link("Propose to take them out") == address(stage, "matches/correct/")

    page = omar.get(address(stage, "matches/correct/"))
    assert first.example_id in page.words
    press(omar, page, address(stage, "matches/correct/"), status=422, reasons="")
    press(omar, page, address(stage, "matches/correct/"), reasons=NOT_HERS)
    assert omar.get(address(stage)).link("take rejected examples out of items") == address(stage, "endings/1/")
    page = lena.get(address(stage, "endings/1/"))
    assert page.h1 == "Take rejected examples out of items"
    assert NOT_HERS in page.words
    press(lena, page, address(stage, "endings/1/"), decision="approve")
    assert state_of(stage) == (RequestState.REVIEW, "")
    assert first.example_id not in stage.item.example_ids
    assert "Rejected examples in items: Not the claimant’s." in omar.get(address(stage)).words
    assert omar.get(address(stage, "matches/correct/"), status=409).words
