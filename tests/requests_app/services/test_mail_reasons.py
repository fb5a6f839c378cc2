"""Every e-mail has a reason, and none goes out once the reason is gone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.mail_wording import MAIL_TITLES
from requests_app.models import ErasureRequest, Item, Message
from requests_app.services import decisions, endings, intake, matches
from requests_app.services.letters import letter
from requests_app.services.mail_reasons import REASONS, message_standing
from requests_app.services.messages import can_resend, message_queue, message_resend, message_send
from tests.factories import model_version
from tests.personas import Staff
from tests.staging import Stage, corpus, trained, unguarded
from unlearning_jobs.models import ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def opened(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is there
    return Stage.opened(staff, trained(corpus()))


def test_every_template_has_a_condition_and_a_title() -> None:
    folder = settings.BASE_DIR / "templates" / "email"
    templates = {path.name.removesuffix(".subject.txt") for path in folder.glob("*.subject.txt")}
    assert set(REASONS) == set(MAIL_TITLES) == templates


def test_nothing_goes_out_for_a_withdrawn_request(opened: Stage) -> None:
    intake.email_confirm(token=opened.token("confirm", "c1"))
    intake.request_withdraw(token=opened.token("status", "s1"))

    messages = list(opened.request.messages.order_by("pk"))
    assert [message.template for message in messages] == ["confirm_address", "request_received"]
    assert not any(message_send(message_id=message.pk) for message in messages)
    assert mail.outbox == []
    assert set(opened.request.messages.values_list("state", "next_attempt_at")) == {("lapsed", None)}
    lapsed = [
        entry.data["message"] for entry in entries_of(subject=opened.request.subject) if entry.kind == "message.lapsed"
    ]
    assert lapsed == [message.pk for message in messages]


def test_what_has_ended_as_no_longer_due_stays_so(opened: Stage) -> None:
    intake.request_withdraw(token=opened.token("status", "s1"))
    message = opened.request.messages.get()
    assert not message_send(message_id=message.pk)

    with pytest.raises(StaleStateError):
        message_send(message_id=message.pk)
    with pytest.raises(StaleStateError):
        message_resend(message=message, by=opened.staff.omar)


def test_an_officer_cannot_send_what_is_no_longer_so(opened: Stage) -> None:
    opened.searched()
    given_up = Message.objects.filter(template="request_received")
    given_up.update(state="failed", error="TimeoutError", next_attempt_at=None, attempts=9)
    assert can_resend(given_up.get())
    ids = list(opened.request.matches.values_list("pk", flat=True))
    matches.matches_decide(request=opened.request, match_ids=ids, accept=False, by=opened.staff.omar)
    ending = endings.closing_propose(request=opened.request, outcome="no_match", reasons="", by=opened.staff.omar)
    endings.ending_approve(ending=ending, by=opened.staff.lena)

    assert not can_resend(given_up.get())
    with pytest.raises(StaleStateError, match="no longer needed"):
        message_resend(message=given_up.get(), by=opened.staff.nils)


def test_what_is_not_so_is_not_even_queued(opened: Stage) -> None:
    with pytest.raises(StaleStateError):
        message_queue(request=opened.request, template="request_received")
    opened.searched()
    for template in ("outcome_completed", "outcome_refused", "confirm_address"):
        with pytest.raises(StaleStateError, match="not in the state"):
            message_queue(request=opened.request, template=template)


def test_a_message_that_waits_for_its_next_attempt_is_called_no_longer_due_at_once(opened: Stage) -> None:
    waiting = opened.request.messages.get()
    assert message_standing(waiting) == Message.State.WAITING
    intake.email_confirm(token=opened.token("confirm", "c1"))

    assert message_standing(Message.objects.get(pk=waiting.pk)) == Message.State.LAPSED


@pytest.mark.usefixtures("signing")
def test_the_letter_calls_a_result_in_use_only_while_it_is(opened: Stage) -> None:
    proposal = opened.searched().signed()
    decisions.item_release(proposal=proposal, by=opened.staff.nils)
    opened.request.refresh_from_db()
    in_use, replaced = "The results are in use", "Newer versions have replaced results since then"
    assert in_use in letter(opened.request, "outcome_completed").text

    ModelVersion.objects.filter(made_by=proposal.job).update(state="quarantined")
    text = letter(opened.request, "outcome_completed").text
    assert "results were taken out of use, and no version of their models is in use now" in text
    assert replaced not in text
    assert in_use not in text

    newer = ModelVersion.objects.get(made_by=proposal.job)
    model_version(name=newer.name, snapshot=newer.snapshot, number=newer.number + 1)
    text = letter(opened.request, "outcome_completed").text
    assert replaced in text
    assert "taken out of use" not in text


def days_ago(opened: Stage, days: int) -> None:
    """The request is so old; it was to be answered nine days before its age."""
    received = timezone.now() - timedelta(days=days)
    ErasureRequest.objects.filter(pk=opened.request.pk).update(received_at=received, due_on=received.date() + timedelta(31))
    opened.request.refresh_from_db()


@pytest.mark.parametrize("template", ["confirm_address", "request_received", "deadline_extended"])
def test_a_letter_promises_no_day_that_has_passed(opened: Stage, template: str) -> None:
    assert "will hear from us by" in letter(opened.request, template).text
    days_ago(opened, 40)
    written = letter(opened.request, template)
    assert "will hear from us by" not in written.text + written.html
    assert "by which you should have heard from us" in written.text


def test_a_letter_offers_a_withdrawal_only_while_it_is_possible(opened: Stage) -> None:
    sentence = "You can withdraw your request on the page"
    assert sentence in letter(opened.request, "request_received").text
    opened.searched()
    assert sentence in letter(opened.request, "request_received").text
    Item.objects.create(
        request=opened.request, number=1, model_name="keeper", snapshot=opened.model.snapshot, example_ids=[], state="lapsed"
    )
    with unguarded("requests_app_item", "item_check_release"), unguarded("requests_app_item", "item_settled_is_fixed"):
        opened.request.items.update(state="released", ground="17_1_b", decided_by=opened.staff.omar)
    assert sentence not in letter(opened.request, "request_received").text
