"""The pages on which officers see which copies wait, and settle them."""

from __future__ import annotations

import pytest

from requests_app.models import CopySettlement
from requests_app.services import decisions
from tests.copies import copy_of, days, settled
from tests.personas import client_of
from tests.staging import Stage
from tests.web.pages import Site
from unlearning_jobs.models import Copy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


def page(stage: Stage, copy: Copy | None = None) -> str:
    return f"/cases/{stage.request.reference}/" + (f"copies/{copy.pk}/" if copy else "")


@pytest.fixture
def released(stage: Stage) -> Stage:
    """A model is released; two copies of the version before it wait."""
    copy_of(copy_of(stage.searched().model), "cached", "cache")
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    stage.request.refresh_from_db()
    return stage


def test_the_page_of_a_release_says_which_copies_will_wait(stage: Stage, nils: Site) -> None:
    proposal = stage.searched().signed()
    copy_of(stage.model)
    release = nils.get(f"{page(stage)}items/1/proposals/{proposal.number}/release/")
    assert "have to be settled then, before the request is completed: phone." in release.words
    assert "The request stays open" in release.words


def test_what_copies_there_are_is_confirmed_with_the_release(stage: Stage, nils: Site) -> None:
    proposal = stage.searched().signed()
    path = f"{page(stage)}items/1/proposals/{proposal.number}/release/"
    shown = nils.get(path)
    copy_of(stage.model)
    again = nils.submit(shown, {"act": "release"}, action=path, status=409)
    assert "something has changed: the copies" in again.words


def test_an_officer_settles_one_copy_after_another_and_reads_the_last_letter_first(released: Stage, omar: Site) -> None:
    case = omar.get(page(released))
    assert "Settle 2 copies" in case.words
    assert "2 copies of what held the examples are not settled (phone, cached)." in case.words
    phone, cached = Copy.objects.order_by("pk")
    case = omar.submit(omar.get(page(released, phone)), {"how": "beyond_use", "until": days(20).isoformat()})
    assert "Settle 1 copy" in case.words
    assert "Beyond use until" in case.words
    shown = omar.submit(omar.get(page(released, cached)), {"how": "erased", "until": ""})
    assert "1 copy was erased" in shown.words
    assert CopySettlement.objects.count() == 1
    done = omar.submit(shown, action=page(released, cached))
    assert "Completed" in done.words
    assert "Copy settled" in done.words
    released.request.refresh_from_db()
    assert released.request.outcome == "completed"


def test_a_form_that_says_what_cannot_be_is_shown_again_with_the_reason(released: Stage, omar: Site) -> None:
    phone = Copy.objects.get(name="phone")
    for given, problem in (
        ({}, "Choose what has become of the copy."),
        ({"how": "exempt", "ground": ""}, "Choose a ground that exempts the copy."),
        ({"how": "beyond_use", "until": ""}, "Choose a last day within the next 366 days."),
        ({"how": "beyond_use", "until": "2020-01-01"}, "Choose a last day within the next 366 days."),
        ({"how": "beyond_use", "until": "someday"}, "Choose the last day."),
    ):
        shown = omar.submit(omar.get(page(released, phone)), given, status=422)
        assert problem in [words for _field, words in shown.errors]
    assert not CopySettlement.objects.exists()


def test_what_was_settled_meanwhile_is_shown_and_not_settled_again(released: Stage, omar: Site) -> None:
    phone = Copy.objects.get(name="phone")
    form = omar.get(page(released, phone))
    settled(released, phone)
    again = omar.submit(form, {"how": "erased"}, status=409)
    assert "This copy is settled already." in again.words
    assert CopySettlement.objects.count() == 1


def test_the_letter_that_was_read_is_the_one_that_is_sent(released: Stage, omar: Site) -> None:
    phone, cached = Copy.objects.order_by("pk")
    settled(released, phone, "beyond_use", until=20)
    shown = omar.submit(omar.get(page(released, cached)), {"how": "erased"})
    settled(released, phone)
    again = omar.submit(shown, action=page(released, cached), status=409)
    assert "something has changed: the letter" in again.words
    assert CopySettlement.objects.filter(copy=cached).count() == 0


def test_a_copy_that_comes_after_the_close_is_a_task_on_both_pages(released: Stage, omar: Site) -> None:
    for copy in Copy.objects.all():
        settled(released, copy)
    assert "Copies wait" not in omar.get("/cases/").words
    late = copy_of(released.model.snapshot, "tape", "backup")
    listed = omar.get("/cases/").words
    assert "Copies wait in closed requests" in listed
    assert released.request.reference in listed
    assert "The request stays closed" in omar.get(page(released)).words
    omar.submit(omar.get(page(released, late)), {"how": "exempt", "ground": "17_3_d"})
    assert "Copies wait" not in omar.get("/cases/").words


def test_nobody_but_officers_opens_or_settles_one(released: Stage) -> None:
    path = page(released, Copy.objects.get(name="phone"))
    for other in (released.staff.eva, released.staff.iris, released.staff.max):
        assert [client_of(other).get(path).status_code, client_of(other).post(path).status_code] == [403, 403]
    assert client_of(None).get(path).status_code == 302
    assert not CopySettlement.objects.exists()


def test_a_copy_that_the_request_has_not_to_settle_is_not_found(released: Stage, omar: Site) -> None:
    assert omar.client.get(f"{page(released)}copies/999999/").status_code == 404
