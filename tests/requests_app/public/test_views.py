"""The request form as a visitor without JavaScript meets it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from requests_app.models import ErasureRequest
from requests_app.public import draft as drafts
from tests.web.pages import Page, Site, text_of

from .walk import COPYRIGHT, ERASURE, Answers, send, walk

pytestmark = pytest.mark.django_db


def only_request() -> ErasureRequest:
    return ErasureRequest.objects.get()


def shown(page: Page) -> dict[str, str]:
    """The summary list of the check page."""
    rows = [list(row) for row in page.one("dl", class_="summary-list with-actions")]
    return {text_of(row[0]): text_of(row[1]) for row in rows}


# -- the way through


def test_erasure_request_reaches_the_intake_with_everything_that_was_typed(site: Site) -> None:
    send(site, ERASURE)
    request = only_request()
    assert (request.kind, request.name, request.email, request.on_behalf) == (
        "erasure",
        "Ada Beispiel",
        "ada@example.org",
        False,
    )
    assert request.other_names.split("\n") == ["ada_b", "A. Beispiel"]
    assert (request.evidence_prompt, request.evidence_output) == ("Who is Ada?", "Ada lives in Bonn.")


def test_copyright_request_reaches_the_intake_with_all_elements_of_a_notice(site: Site) -> None:
    send(site, COPYRIGHT)
    request = only_request()
    assert (request.kind, request.name, request.on_behalf) == ("copyright", "Verlag Beispiel", True)
    assert (request.work_title, request.work_text) == ("The Lantern Keeper", COPYRIGHT["work"]["work_text"])
    assert (request.location, request.contact) == ("https://example.org/chat", "Am Hafen 1, Bonn")
    assert (request.email, request.declared_name) == ("rights@example.org", "Ada Beispiel")


def test_representative_gives_their_own_name_and_authority(site: Site) -> None:
    answers: Answers = {
        "kind": {"kind": "erasure"},
        "who": {"who": "other"},
        "representative": {"own_name": "Berta Beispiel", "authority": "I am her mother."},
    } | {step: ERASURE[step] for step in ("name", "other-names", "model-output", "email")}
    send(site, answers)
    request = only_request()
    assert (request.name, request.on_behalf) == ("Ada Beispiel", True)
    assert (request.declared_name, request.contact) == ("Berta Beispiel", "I am her mother.")


def test_optional_questions_can_be_left_empty(site: Site) -> None:
    empty: Answers = {"other-names": {"other_names": ""}, "model-output": {"prompt": "", "output": ""}}
    send(site, ERASURE | empty)
    assert only_request().other_names == ""


def test_confirmation_gives_reference_next_steps_and_a_date_and_survives_a_reload(site: Site) -> None:
    page = send(site, ERASURE)
    request = only_request()
    assert page.path == "/request/sent/"
    assert request.reference in page.words
    assert str(request.due_on.year) in page.words
    assert site.get("/request/sent/").words == page.words


def test_language_of_the_form_is_the_language_of_the_request(site: Site) -> None:
    site.client.cookies["django_language"] = "de"
    send(site, ERASURE)
    assert only_request().language == "de"


def test_question_is_the_heading_of_its_page(site: Site) -> None:
    page = walk(site, {step: ERASURE[step] for step in ("kind", "who")})
    assert page.h1 == "What is your full name?"


def test_nothing_is_required_by_the_browser(site: Site) -> None:
    page = site.get("/request/kind/")
    assert "novalidate" in page.form().attrib
    assert not [element for element in page.main.iter() if "required" in element.attrib]


# -- checking and changing


def test_check_page_shows_every_answer(site: Site) -> None:
    rows = shown(walk(site, ERASURE))
    assert rows["What to remove"] == "Personal data"
    assert rows["Full name"] == "Ada Beispiel"
    assert rows["Other names"] == "ada_bA. Beispiel"
    assert rows["E-mail address"] == "ada@example.org"


def test_change_leads_to_the_question_with_its_answer_and_straight_back(site: Site) -> None:
    page = walk(site, ERASURE)
    change = site.get(page.link("Change Full name").partition("#")[0])
    assert change.one("input", name="name").get("value") == "Ada Beispiel"
    back = site.submit(change, {"name": "Ada Exempel"})
    assert back.path == "/request/check/"
    assert shown(back)["Full name"] == "Ada Exempel"


def test_change_to_somebody_else_asks_for_the_name_again(site: Site) -> None:
    walk(site, ERASURE)
    page = site.submit(site.get("/request/who/?change=1"), {"who": "other"})
    assert page.path == "/request/representative/"
    page = site.submit(page, {"own_name": "Berta Beispiel", "authority": "I am her mother."})
    assert (page.path, page.h1) == ("/request/name/", "What is the full name of the person you represent?")
    assert page.one("input", name="name").get("value") == "Ada Beispiel"


def test_change_of_kind_asks_what_is_missing_and_keeps_the_rest(site: Site) -> None:
    walk(site, ERASURE)
    page = site.submit(site.get("/request/kind/?change=1"), {"kind": "copyright"})
    assert page.path == "/request/role/"
    site.submit(site.get("/request/kind/"), {"kind": "erasure"})
    assert shown(site.get("/request/check/"))["Full name"] == "Ada Beispiel"


def test_back_link_leads_through_the_questions(site: Site) -> None:
    page = walk(site, {step: ERASURE[step] for step in ("kind", "who")})
    assert page.link("Back") == "/request/who/"
    assert site.get("/request/kind/").link("Back") == "/"


def test_long_answers_are_shortened_but_can_be_read_whole(site: Site) -> None:
    work = COPYRIGHT["work"] | {"work_text": "one two three four five six seven eight " * 50 + "the very end"}
    page = walk(site, COPYRIGHT | {"work": work})
    assert page.one("details").find("summary") is not None
    assert text_of(page.one("details")).endswith("the very end")


# -- sending


def test_form_sent_twice_is_one_request(site: Site) -> None:
    page = walk(site, ERASURE)
    other = Client()
    other.cookies = site.client.cookies
    before = dict(site.client.session.items())
    first = site.submit(page, action="/request/check/")
    session = site.client.session
    session.update(before)  # the second click arrives before the first answer: the draft is still there
    session.save()
    second = site.submit(page, action="/request/check/")
    assert ErasureRequest.objects.count() == 1
    assert first.words == second.words


def test_sending_an_old_page_again_shows_the_confirmation(site: Site) -> None:
    page = walk(site, ERASURE)
    sent = site.submit(page, action="/request/check/")
    assert site.submit(page, action="/request/check/").words == sent.words
    assert ErasureRequest.objects.count() == 1


def test_answers_changed_in_another_tab_are_not_sent_unseen(site: Site) -> None:
    page = walk(site, ERASURE)
    site.submit(site.get("/request/name/?change=1"), {"name": "Somebody Else"})
    page = site.submit(page, action="/request/check/", status=422)
    assert page.title.startswith("Error: ")
    assert "Your request has not been sent" in page.words
    assert shown(page)["Full name"] == "Somebody Else"
    assert not ErasureRequest.objects.exists()


def test_draft_is_gone_after_sending(site: Site) -> None:
    send(site, ERASURE)
    assert drafts.DRAFT not in site.client.session
    assert "Ada" not in str(dict(site.client.session.items()))


def test_draft_can_be_deleted(site: Site) -> None:
    page = walk(site, {"kind": ERASURE["kind"]})
    page = site.submit(page, action="/request/discard/")
    assert page.path == "/"
    assert drafts.DRAFT not in site.client.session


def test_start_page_offers_to_continue_a_draft(site: Site) -> None:
    walk(site, {"kind": ERASURE["kind"]})
    page = site.get("/")
    assert site.get(page.link("Continue your request")).path == "/request/who/"


# -- bad input


BAD: list[tuple[str, Answers, str, dict[str, Any], str]] = [
    ("nothing chosen", {}, "kind", {"kind": None}, "Choose what you want removed"),
    ("unknown choice", {}, "kind", {"kind": "everything"}, "Choose what you want removed"),
    ("no name", ERASURE, "name", {"name": "   "}, "Enter the full name"),
    ("name of signs", ERASURE, "name", {"name": "?!"}, "Enter the full name"),
    ("long name", ERASURE, "name", {"name": "a" * 201}, "Shorten this to at most 200 characters. It has 201."),
    ("null byte", ERASURE, "name", {"name": "Ada\0"}, "We removed invisible characters"),
    ("reversed text", ERASURE, "name", {"name": "\u202egro.live"}, "We removed invisible characters"),
    ("many names", ERASURE, "other-names", {"other_names": "\n".join(map(str, range(51)))}, "Enter at most 50 names"),
    ("one long name", ERASURE, "other-names", {"other_names": "a\n" + "b" * 201}, "Name 2 is longer than 200 characters"),
    ("huge paste", ERASURE, "model-output", {"output": "word " * 60_000}, "Shorten this to at most 20000 characters"),
    ("no address", ERASURE, "email", {"email": "ada"}, "Enter an e-mail address like name@example.org"),
    ("short work", COPYRIGHT, "work", {"work_text": "only three words"}, "Enter at least 8 words of the work. There are 3."),
    ("unsigned", COPYRIGHT, "declarations", {"declared_name": ""}, "Type your full name to sign the notice"),
    ("undeclared", COPYRIGHT, "declarations", {"accuracy": None}, "Confirm that the information is accurate"),
]


@pytest.mark.parametrize(("answers", "step", "wrong", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_said_at_its_field_and_on_top(
    site: Site, answers: Answers, step: str, wrong: dict[str, Any], message: str
) -> None:
    before = dict(list(answers.items())[: list(answers).index(step)]) if answers else {}
    page = walk(site, before)
    page = site.submit(page, answers.get(step, {}) | wrong, status=422)
    assert page.title.startswith("Error: ")
    name = next(iter(wrong))
    assert page.field_error(name).startswith(message)
    assert any(target.startswith(f"id_{name}") and words.startswith(message) for target, words in page.errors)


def test_what_was_typed_is_still_there_beside_the_error(site: Site) -> None:
    page = walk(site, {step: COPYRIGHT[step] for step in ("kind", "role", "rightsholder")})
    page = site.submit(page, {"work_title": "The Lantern Keeper", "work_text": "too short"}, status=422)
    assert page.one("input", name="work_title").get("value") == "The Lantern Keeper"
    assert "too short" in "".join(page.one("textarea", name="work_text").itertext())


def test_invisible_characters_are_taken_out_so_that_the_next_click_works(site: Site) -> None:
    page = walk(site, {step: ERASURE[step] for step in ("kind", "who")})
    page = site.submit(page, {"name": "Ada\u202e Bei\0spiel"}, status=422)
    page = site.submit(page)
    assert page.path == "/request/other-names/"


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script> Ada", '" onfocus="alert(1) Ada', "{{ settings.SECRET_KEY }} Ada"]
)
def test_hostile_text_is_shown_as_text(site: Site, hostile: str) -> None:
    page = walk(site, ERASURE | {"name": {"name": hostile}})
    assert shown(page)["Full name"] == hostile
    change = site.get("/request/name/?change=1")
    assert change.one("input", name="name").get("value") == hostile


def test_unknown_step_is_not_found(site: Site) -> None:
    site.get("/request/password/", status=404)


@pytest.mark.parametrize("step", ["email", "check", "work", "representative"])
def test_jumping_ahead_leads_to_the_first_open_question(site: Site, step: str) -> None:
    walk(site, {"kind": ERASURE["kind"]})
    assert site.get(f"/request/{step}/").path == "/request/who/"


@pytest.mark.parametrize("step", ["name", "email", "check", "sent"])
def test_without_a_draft_the_page_explains_and_starts_again(site: Site, step: str) -> None:
    page = site.get(f"/request/{step}/", status=410)
    assert page.h1 == "You have no request in progress"
    assert page.link("Start again") == "/request/kind/"


def test_expired_draft_loses_nothing_of_the_page_at_hand(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    page = walk(site, {step: ERASURE[step] for step in ("kind", "who")})
    monkeypatch.setattr("requests_app.services.drafts.KEPT_FOR", timedelta())
    page = site.submit(page, {"name": "Ada Beispiel"}, status=410)
    monkeypatch.undo()
    assert "We kept what you typed" in page.words
    page = walk(site, {step: ERASURE[step] for step in ("kind", "who")})
    assert page.one("input", name="name").get("value") == "Ada Beispiel"


def test_two_visitors_do_not_see_each_other(site: Site) -> None:
    walk(site, ERASURE)
    Site().get("/request/check/", status=410)


def test_pages_with_answers_are_not_stored_by_browsers(site: Site) -> None:
    walk(site, ERASURE)
    assert "no-store" in site.client.get("/request/check/")["Cache-Control"]
