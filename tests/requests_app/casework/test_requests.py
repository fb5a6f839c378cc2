"""The list of requests and the page of a request."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from requests_app.models import ErasureRequest, Message
from requests_app.services.intake import TargetDetails
from requests_app.services.requests import request_close
from requests_app.states import RequestOutcome
from tests.personas import ADA, ADA_EMAIL
from tests.staging import Stage, unguarded
from tests.web.pages import Page, Site, text_of

pytestmark = pytest.mark.django_db


def references(page: Page) -> list[str]:
    return [text_of(cell) for cell in page.all("th", scope="row")]


def due_in(request: ErasureRequest, days: int) -> None:
    ErasureRequest.objects.filter(pk=request.pk).update(due_on=timezone.localdate() + timedelta(days=days))


def another(stage: Stage, key: str) -> ErasureRequest:
    return Stage.opened(stage.staff, stage.model, key=key).request


def test_the_nearest_deadline_comes_first(stage: Stage, omar: Site) -> None:
    late, soon = stage.request, another(stage, "k2")
    due_in(late, 20)
    due_in(soon, 3)
    page = omar.get("/cases/")
    assert references(page) == [soon.reference, late.reference]
    assert "3 days left" in page.words


def test_officers_see_that_no_mail_has_reached_a_claimant_and_send_it_again(stage: Stage, omar: Site) -> None:
    unreached = another(stage, "k2")
    Message.objects.filter(request=unreached).update(state="failed", error="TimeoutError", next_attempt_at=None)
    assert "the e-mail failed: send it again" in omar.get("/cases/").words

    page = omar.get(f"/cases/{unreached.reference}/")
    assert "No e-mail with a link has reached the claimant." in page.words
    message = Message.objects.get(request=unreached)
    again = omar.submit(page, action=f"/cases/{unreached.reference}/messages/{message.pk}/resend/")
    assert "No e-mail with a link has reached the claimant." not in again.words


def test_a_missed_deadline_says_so(stage: Stage, omar: Site) -> None:
    due_in(stage.request, -2)
    assert "2 days overdue" in omar.get("/cases/").words


def test_sorting_turns_round_and_keeps_the_filters(omar: Site) -> None:
    page = omar.get("/cases/?kind=erasure")
    assert page.link("Answer by") == "?kind=erasure&sort=-due"
    assert page.one("th", aria_sort="ascending") is not None


def test_closed_requests_are_shown_when_asked_for(stage: Stage, omar: Site) -> None:
    request_close(request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None)
    assert stage.request.reference not in omar.get("/cases/").words
    assert stage.request.reference in omar.get("/cases/?state=closed").words
    assert stage.request.reference in omar.get(f"/cases/?q={stage.request.reference}").words


def test_an_applied_filter_can_be_taken_away(omar: Site) -> None:
    page = omar.get("/cases/?state=review&kind=erasure")
    assert page.link("State: Matches to review") == "?kind=erasure"


def test_a_search_takes_the_reference_as_it_was_typed(stage: Stage, omar: Site) -> None:
    other = another(stage, "k2")
    typed = stage.request.reference.lower().replace("-", " ")
    page = omar.get(f"/cases/?q={typed}")
    assert references(page) == [stage.request.reference]
    assert other.reference not in page.words


def test_a_search_for_no_reference_says_what_one_looks_like(omar: Site) -> None:
    page = omar.get("/cases/?q=Ada")
    assert "LE-7KQ4-M2XD" in page.field_error("q")


def test_the_csv_has_exactly_the_filtered_rows(stage: Stage, omar: Site) -> None:
    stage.searched()
    another(stage, "k2")
    response = omar.client.get("/cases/?state=review&format=csv")
    header, *rows = b"".join(response).decode().splitlines()
    assert header.startswith("reference,kind,state,outcome,received_at,due_on")
    assert [row.split(",")[0] for row in rows] == [stage.request.reference]
    assert ADA not in "".join(rows)


def test_the_list_takes_as_many_queries_for_many_requests_as_for_one(stage: Stage, omar: Site) -> None:
    stage.searched()
    with CaptureQueriesContext(
        connection,
    ) as one:
        omar.get("/cases/")
    for key in ("k2", "k3", "k4"):
        Stage.opened(stage.staff, stage.model, key=key).searched()
    with CaptureQueriesContext(connection) as four:
        omar.get("/cases/")
    assert len(one) == len(four)


def test_the_list_decrypts_nothing(omar: Site) -> None:
    with CaptureQueriesContext(connection) as queries:
        omar.get("/cases/")
    assert not any('"requests_app_erasurerequest"."email"' in query["sql"] for query in queries)


def test_an_empty_list_says_where_requests_come_from(stage: Stage, omar: Site) -> None:
    with unguarded("requests_app_erasurerequest", "request_is_fixed"):
        ErasureRequest.objects.filter(pk=stage.request.pk).update(kind="copyright")
    assert "No requests fit these filters" in omar.get("/cases/?kind=erasure").words


def test_the_page_shows_what_was_asked(stage: Stage, omar: Site) -> None:
    page = omar.get(f"/cases/{stage.request.reference}/")
    assert ADA in page.words
    assert ADA_EMAIL in page.words


def test_what_was_typed_is_never_taken_for_html(stage: Stage, omar: Site) -> None:
    target = TargetDetails(name="<script>alert(1)</script>")
    nasty = Stage.opened(stage.staff, stage.model, key="k2", target=target).request
    page = omar.get(f"/cases/{nasty.reference}/")
    assert "<script>alert(1)</script>" in page.words
    assert not [script for script in page.all("script") if "alert" in text_of(script)]


def test_the_timeline_names_people_and_says_things_in_words(stage: Stage, omar: Site) -> None:
    stage.searched().proposed()
    page = omar.get(f"/cases/{stage.request.reference}/")
    titles = [text_of(item) for item in page.one("ol", class_="timeline").iter("h3")]
    assert titles[0] == "Method proposed"
    assert titles[-1] == "Request received"
    assert "by omar" in page.words
    assert "by the claimant" in page.words
    assert "proposal.submitted" not in page.words


def test_the_task_list_leads_to_the_next_step(stage: Stage, omar: Site) -> None:
    address = f"/cases/{stage.request.reference}/"
    assert "cannot start yet" in omar.get(address).words
    stage.searched()
    assert omar.get(address).link("Review the matches") == f"{address}matches/"
    stage.granted()
    assert omar.get(address).link("choose a method") == f"{address}items/1/propose/"


def test_a_request_that_was_withdrawn_has_nothing_left_to_review(stage: Stage, omar: Site) -> None:
    stage.searched()
    request_close(request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None)
    page = omar.get(f"/cases/{stage.request.reference}/")
    assert "not needed" in page.words
    assert not [link for link in page.all("a") if "Review the matches" in text_of(link)]


def test_a_review_that_ended_is_done_and_its_matches_can_still_be_read(stage: Stage, omar: Site) -> None:
    stage.searched().reviewed()
    address = f"/cases/{stage.request.reference}/"
    assert omar.get(address).link("Review the matches") == f"{address}matches/"


def test_the_items_of_a_withdrawn_request_have_no_next_step(stage: Stage, omar: Site) -> None:
    stage.searched().reviewed()
    request_close(request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None)
    page = omar.get(f"/cases/{stage.request.reference}/")
    assert not [link for link in page.all("a") if "decide" in text_of(link).lower()]


def failing(stage: Stage, **values: object) -> Message:
    """The confirmation e-mail, whose second attempt failed."""
    facts = {"attempts": 2, "error": "TimeoutError", "next_attempt_at": timezone.now() + timedelta(minutes=5)}
    stage.request.messages.update(**facts | values)
    return stage.request.messages.get()


def test_a_message_that_fails_says_why_and_when_it_is_tried_again(stage: Stage, omar: Site) -> None:
    message = failing(stage)
    at = date_format(localtime(message.next_attempt_at), "SHORT_DATETIME_FORMAT")
    assert f"Attempt 2 failed (TimeoutError). Next attempt: {at}." in omar.get(f"/cases/{stage.request.reference}/").words


def test_a_message_that_was_given_up_can_be_sent_again_by_hand(stage: Stage, omar: Site) -> None:
    message = failing(stage, state="failed", next_attempt_at=None)
    address = f"/cases/{stage.request.reference}/messages/{message.pk}/resend/"
    page = omar.get(f"/cases/{stage.request.reference}/")
    assert "Given up after attempt 2 (TimeoutError)." in page.words
    page = omar.submit(page, action=address)

    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 0)
    assert "The e-mail is queued again." in text_of(page.one("body"))
    assert "E-mail queued" in page.words
    assert not [form for form in page.all("form") if form.get("action") == address]


def test_a_message_that_was_sent_meanwhile_is_not_sent_again(stage: Stage, omar: Site) -> None:
    message = failing(stage)
    page = omar.get(f"/cases/{stage.request.reference}/")
    failing(stage, state="sent", error="", next_attempt_at=None)
    page = omar.submit(page, action=f"/cases/{stage.request.reference}/messages/{message.pk}/resend/")
    assert "This e-mail has been sent, is being sent or is no longer needed." in text_of(page.one("body"))
    message.refresh_from_db()
    assert message.state == "sent"


def test_a_message_of_another_request_is_not_there(stage: Stage, omar: Site) -> None:
    message = another(stage, "k2").messages.get()
    omar.get(f"/cases/{stage.request.reference}/")
    token = omar.client.cookies["csrftoken"].value
    address = f"/cases/{stage.request.reference}/messages/{message.pk}/resend/"
    assert omar.client.post(address, {"csrfmiddlewaretoken": token}).status_code == 404
