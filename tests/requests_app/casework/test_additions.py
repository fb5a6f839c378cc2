"""Examples that the search did not find: named, from a file, or looked for."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app.models import Match
from requests_app.services.mapping import BY_HAND
from tests.staging import Stage
from tests.web.pages import Page, Site

pytestmark = pytest.mark.django_db
WHY = "It describes her without her name."


@pytest.fixture
def address(stage: Stage) -> str:
    stage.searched()
    return f"/cases/{stage.request.reference}/matches/"


def by_hand(stage: Stage) -> list[str]:
    added = stage.request.matches.filter(methods=[BY_HAND], decision=Match.Decision.ACCEPTED)
    return list(added.order_by("pk").values_list("example_id", flat=True))


def test_several_examples_are_added_at_once(stage: Stage, omar: Site, address: str) -> None:
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": "e00000007, e00000008\ne00000007", "reason": WHY}
    page = omar.submit(omar.get(f"{address}add/"), values)

    assert "2 examples were added." in page.words
    assert by_hand(stage) == ["e00000007", "e00000008"]
    assert RecordEntry.objects.filter(kind=RecordKind.MATCH_ADDED).count() == 2


@pytest.mark.parametrize("typed", ["e00000007,e00000008", "e00000007;e00000008;", ",e00000007\t;\r\n e00000008"])
def test_ids_may_have_commas_semicolons_and_white_space_between_them(
    stage: Stage, omar: Site, address: str, typed: str
) -> None:
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": typed, "reason": WHY}
    omar.submit(omar.get(f"{address}add/"), values)
    assert by_hand(stage) == ["e00000007", "e00000008"]


def test_examples_are_added_from_a_file(stage: Stage, omar: Site, address: str) -> None:
    content = "example_id,note\ne00000009,a\ne00000010,b\n"
    values = {"snapshot": str(stage.model.snapshot_id), "reason": WHY}
    values["file"] = SimpleUploadedFile("ids.csv", content.encode(), "text/csv")  # type: ignore[assignment]  # a file
    omar.submit(omar.get(f"{address}add/"), values)
    assert by_hand(stage) == ["e00000009", "e00000010"]


def test_one_unknown_example_adds_none(stage: Stage, omar: Site, address: str) -> None:
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": "e00000007 e99999999", "reason": WHY}
    omar.submit(omar.get(f"{address}add/"), values, status=409)
    assert by_hand(stage) == []


def test_a_review_that_has_ended_meanwhile_takes_nothing_more(stage: Stage, omar: Site, address: str) -> None:
    page = omar.get(f"{address}add/")
    stage.reviewed()
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": "e00000007", "reason": WHY}
    after = omar.submit(page, values, status=409)
    assert "You cannot do this while the request is “In progress”." in after.words
    assert by_hand(stage) == []


def test_a_word_that_is_no_id_is_said(stage: Stage, omar: Site, address: str) -> None:
    values = {"snapshot": str(stage.model.snapshot_id), "example_id": "e00000007 stone", "reason": WHY}
    page = omar.submit(omar.get(f"{address}add/"), values, status=422)
    assert page.field_error("example_id") == "“stone” is no id of an example."


def test_a_file_that_is_too_large_is_refused(stage: Stage, omar: Site, address: str) -> None:
    values = {"snapshot": str(stage.model.snapshot_id), "reason": WHY}
    values["file"] = SimpleUploadedFile("ids.csv", b"e00000009\n" * 200_000, "text/csv")  # type: ignore[assignment]  # a file
    page = omar.submit(omar.get(f"{address}add/"), values, status=422)
    assert "larger than 1 MB" in page.field_error("file")


def look(stage: Stage, omar: Site, address: str, words: str) -> Page:
    return omar.submit(omar.get(f"{address}find/"), {"snapshot": str(stage.model.snapshot_id), "words": words})


def adding(omar: Site, page: Page, address: str, status: int, *examples: str) -> Page:
    """Presses the button of the second form."""
    [field] = page.all("input", name="snapshot", type="hidden")
    token = page.all("input", name="csrfmiddlewaretoken")[0].get("value")
    values = {"snapshot": field.get("value"), "words": "x", "reason": WHY, "add": "1", "csrfmiddlewaretoken": token}
    response = omar.client.post(f"{address}find/", values | {"example": list(examples)})
    assert response.status_code == status
    return Page(response.content or b"<!doctype html><title>x</title>", address)


def test_words_are_looked_for_and_what_is_chosen_is_added(stage: Stage, omar: Site, address: str) -> None:
    page = look(stage, omar, address, "What is stone 3")
    assert "1 example found" in page.words
    assert "stone" not in page.path
    assert "Choose the examples to add." in adding(omar, page, address, 422).words
    adding(omar, page, address, 302, "e00000007")
    assert by_hand(stage) == ["e00000007"]


def test_what_is_among_the_matches_cannot_be_chosen(stage: Stage, omar: Site, address: str) -> None:
    page = look(stage, omar, address, "Ada Beispiel")
    assert "among the matches already" in page.words
    assert not page.all("input", name="example")


def test_what_cannot_be_looked_for_is_said(stage: Stage, omar: Site, address: str) -> None:
    page = look(stage, omar, address, "!?")
    assert "Nothing could be looked for: there is nothing in it to search for." in page.words
