"""Granting and refusing an item through the page."""

from __future__ import annotations

import pytest

from requests_app.states import ItemState, RequestState
from tests.endings import refused
from tests.staging import Stage
from tests.web.pages import Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(stage: Stage) -> str:
    stage.searched().reviewed()
    return f"/cases/{stage.request.reference}/items/1/decide/"


def test_the_grounds_are_those_of_the_kind_of_request(omar: Site, address: str) -> None:
    page = omar.get(address)
    assert "Art. 17(1)(b)" in page.words
    assert "Art. 17(3)(a)" in page.words
    assert "Copyright" not in page.words


def test_nothing_chosen_is_an_error_beside_the_field(omar: Site, address: str) -> None:
    page = omar.submit(omar.get(address), status=422)
    assert page.errors == [("id_decision_0", "Choose whether to grant or to refuse.")]
    assert page.title.startswith("Error:")


def test_a_grant_needs_a_ground_for_granting(omar: Site, address: str) -> None:
    page = omar.submit(omar.get(address), {"decision": "grant", "refuse_ground": "17_3_a"}, status=422)
    assert page.field_error("grant_ground") == "Choose a ground."


def test_a_refusal_needs_reasons_and_keeps_what_was_chosen(omar: Site, address: str) -> None:
    page = omar.submit(omar.get(address), {"decision": "refuse", "refuse_ground": "17_3_a"}, status=422)
    assert "at least one whole sentence" in page.field_error("reasons")
    assert "checked" in page.one("input", value="17_3_a").attrib


def test_nothing_is_decided_before_it_is_confirmed(stage: Stage, omar: Site, address: str) -> None:
    page = omar.submit(omar.get(address), {"decision": "grant", "grant_ground": "17_1_b"})
    assert page.h1 == "Grant the erasure of 4 examples"
    assert stage.item.state == ItemState.DECIDING


@pytest.mark.parametrize("reasons", ["no", "No. " * 20, "We will not do this."])
def test_a_refusal_needs_a_whole_sentence(stage: Stage, omar: Site, address: str, reasons: str) -> None:
    chosen = {"decision": "refuse", "refuse_ground": "17_3_a", "reasons": reasons}
    omar.submit(omar.get(address), chosen, status=422)
    assert not stage.request.endings.exists()


def test_a_refusal_shows_the_letter_with_its_reasons_first_and_waits_for_a_second_officer(
    stage: Stage, omar: Site, address: str
) -> None:
    reasons = "The <i>press</i> has reported it, and people must be able to read that."
    page = omar.submit(omar.get(address), {"decision": "refuse", "refuse_ground": "17_3_a", "reasons": reasons})
    assert reasons in page.words
    assert stage.request.reference in page.words
    omar.submit(page, action=address)
    stage.request.refresh_from_db()
    assert (stage.item.state, stage.request.state) == (ItemState.ENDING, RequestState.IN_PROGRESS)
    assert stage.request.endings.get().reasons == reasons


def test_the_decision_can_be_changed_before_it_is_confirmed(omar: Site, address: str) -> None:
    preview = omar.submit(omar.get(address), {"decision": "grant", "grant_ground": "17_1_c", "reasons": "She objects."})
    page = omar.submit(preview, {"confirmed": None, "change": "yes"}, action=address)
    assert "checked" in page.one("input", value="17_1_c").attrib
    assert "She objects." in page.html


def test_a_decision_that_came_too_late_is_refused_and_kept_on_the_page(stage: Stage, omar: Site, address: str) -> None:
    preview = omar.submit(omar.get(address), {"decision": "grant", "grant_ground": "17_1_b"})
    refused(stage, stage.item)
    page = omar.submit(preview, action=address, status=409)
    assert "This item has already been decided." in page.words
    assert stage.item.ground == "17_3_e"
