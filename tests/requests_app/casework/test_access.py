"""Who may open the pages of a request, and what the others get."""

from __future__ import annotations

import pytest
from django.conf import settings

from requests_app.services import decisions, endings
from requests_app.services.samples import sample_order
from requests_app.services.suppressions import suppression_start
from tests.endings import refusal_proposed
from tests.factories import PROTOCOL
from tests.personas import client_of
from tests.requests_app.services.erasing_stores import letters, ordered
from tests.requests_app.services.presses import suppress
from tests.staging import NPO, Stage
from tests.web.pages import signed_in

pytestmark = pytest.mark.django_db

PAGES = ["", "matches/", "matches/add/", "matches/complete/", "items/1/decide/", "items/1/propose/", "items/1/proposals/1/"]
PAGES += ["samples/new/", "samples/1/", "suppressions/new/", "suppressions/1/", "stores/new/", "stores/1/"]
PAGES += ["extend/", "items/1/proposals/1/release/", "endings/1/"]
MORE = ["samples/1/finish/", "samples/1/progress/"]
MORE += [
    "copies/1/",
    "close/",
    "matches/correct/",
    "items/1/lapse/",
    "search/",
    "matches/1/picture.png",
    "work.png",
    "messages/1/resend/",
]
"""Addresses that have nothing to show here: nobody else may ask for them either."""


@pytest.fixture
def paths(stage: Stage) -> list[str]:
    """Every page of a request with a proposal."""
    stage.searched()
    sample_order(request=stage.request, snapshot=stage.model.snapshot, size=50, by=stage.staff.omar)
    suppression_start(**suppress(stage))
    ordered(stage, letters(settings.ARTEFACTS))
    endings.ending_decline(ending=refusal_proposed(stage), reason="Grant it instead.", by=stage.staff.nils)
    item = decisions.item_grant(item=stage.item, ground="17_1_b", reasons="", by=stage.staff.omar)
    decisions.proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)
    return ["/cases/", *(f"/cases/{stage.request.reference}/{page}" for page in PAGES)]


def test_an_officer_opens_every_page(stage: Stage, paths: list[str]) -> None:
    site = signed_in(stage.staff.lena)
    assert all(site.get(path).h1 for path in paths)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_without_an_account_sees_or_changes_anything(paths: list[str], method: str) -> None:
    for path in paths:
        response = getattr(client_of(None), method)(path)
        assert (response.status_code, response["Location"]) == (302, f"/sign-in/?next={path}")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ["eva", "iris", "max"])
def test_other_roles_are_refused(stage: Stage, paths: list[str], name: str, method: str) -> None:
    client = client_of(getattr(stage.staff, name))
    paths += [f"/cases/{stage.request.reference}/{page}" for page in MORE]
    statuses = {path: getattr(client, method)(path).status_code for path in paths}
    assert set(statuses.values()) == {403}, statuses


def test_an_officer_who_has_left_is_sent_to_the_sign_in(stage: Stage, paths: list[str]) -> None:
    client = client_of(stage.staff.mallory())
    assert {client.get(path).status_code for path in paths} == {302}


def test_a_refused_page_says_why_and_shows_nothing_of_the_request(stage: Stage, paths: list[str]) -> None:
    page = signed_in(stage.staff.iris).get(paths[1], status=403)
    assert page.h1 == "You cannot open this page"
    assert stage.request.name not in page.html


def test_a_request_that_is_not_there_is_not_found(stage: Stage) -> None:
    client = client_of(stage.staff.omar)
    paths = ("/cases/LE-2222-2222/", f"/cases/{stage.request.reference}/items/9/decide/")
    assert [client.get(path).status_code for path in paths] == [404, 404]


def test_the_picture_of_an_example_that_is_text_is_not_found_and_no_other_role_may_ask(stage: Stage) -> None:
    match = stage.searched().request.matches.first()
    assert match is not None
    path = f"/cases/{stage.request.reference}/matches/{match.pk}/picture.png"
    assert client_of(stage.staff.omar).get(path).status_code == 404
    assert client_of(stage.staff.iris).get(path).status_code == 403
    assert client_of(None).get(path).status_code == 302


def test_a_reference_is_found_however_it_is_spaced(stage: Stage) -> None:
    spaced = stage.request.reference.replace("-", "").lower()
    assert stage.request.reference in signed_in(stage.staff.omar).get(f"/cases/{spaced}/").h1
