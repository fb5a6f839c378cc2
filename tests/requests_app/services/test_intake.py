"""What a claimant does: submit, confirm, ask again, withdraw; and the mails that follow."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.exceptions import FieldError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app import tasks
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.services.intake import (
    ClaimantDetails,
    LinkExpired,
    LinkUnknown,
    LinkUsed,
    TargetDetails,
    confirmation_resend,
    email_confirm,
    request_submit,
    request_withdraw,
)
from requests_app.services.messages import message_send
from requests_app.states import RequestOutcome, RequestState

pytestmark = pytest.mark.django_db
ADA = ClaimantDetails(name="Ada Beispiel", email="ada@example.org")


def submitted(key: str = "k1", language: str = "en") -> ErasureRequest:
    target = TargetDetails(name="Ada Beispiel", other_names=("ada_b",))
    return request_submit(kind="erasure", language=language, claimant=ADA, target=target, submission_key=key)


def sent_link(template: str, kind: str) -> str:
    """Sends the newest waiting message of this template and returns the token in its link."""
    message = Message.objects.filter(template=template, state="waiting").latest("id")
    assert message_send(message_id=message.pk)
    found = re.search(rf"/{kind}/([\w-]+)/", str(mail.outbox[-1].body))
    assert found
    return found[1]


def confirmed() -> ErasureRequest:
    submitted()
    return email_confirm(token=sent_link("confirm_address", "confirm"))


def test_a_submission_starts_the_clock_and_waits_for_its_address_to_be_confirmed() -> None:
    request = submitted()

    assert request.state == RequestState.AWAITING_CONFIRMATION
    assert request.due_on > timezone.now().date()


def test_the_same_form_sent_twice_is_one_request() -> None:
    assert submitted("k1").reference == submitted("k1").reference
    assert ErasureRequest.objects.count() == 1


def test_what_identifies_the_claimant_is_read_back_but_not_searchable() -> None:
    request = ErasureRequest.objects.get(pk=submitted().pk)

    assert (request.name, request.email, request.other_names) == ("Ada Beispiel", "ada@example.org", "ada_b")
    with pytest.raises(FieldError):
        ErasureRequest.objects.filter(name="Ada Beispiel").exists()


def test_nothing_that_identifies_the_claimant_is_in_the_record() -> None:
    confirmed()
    everything = b"".join(bytes(body) for body in RecordEntry.objects.values_list("body", flat=True))

    assert b"Ada" not in everything
    assert b"ada" not in everything


def test_the_link_from_the_mail_confirms_the_address_and_starts_the_search() -> None:
    request = confirmed()

    assert request.state == RequestState.MAPPING
    assert request.confirmed_at is not None


def test_a_link_works_once() -> None:
    submitted()
    token = sent_link("confirm_address", "confirm")
    email_confirm(token=token)

    with pytest.raises(LinkUsed):
        email_confirm(token=token)


def test_a_late_link_does_not_work() -> None:
    submitted()
    token = sent_link("confirm_address", "confirm")
    AccessLink.objects.update(expires_at=timezone.now())

    with pytest.raises(LinkExpired):
        email_confirm(token=token)


def test_a_newer_link_supersedes_the_older_one() -> None:
    request = submitted()
    old = sent_link("confirm_address", "confirm")
    confirmation_resend(reference=request.reference, email="ADA@example.org ")
    new = sent_link("confirm_address", "confirm")

    with pytest.raises(LinkExpired):
        email_confirm(token=old)
    assert email_confirm(token=new).state == RequestState.MAPPING


def test_an_invented_link_opens_nothing() -> None:
    submitted()
    with pytest.raises(LinkUnknown):
        email_confirm(token="A" * 43)


def test_a_status_link_does_not_confirm() -> None:
    confirmed()
    with pytest.raises(LinkUnknown):
        email_confirm(token=sent_link("request_received", "status"))


@pytest.mark.parametrize("address", ["mallory@example.org", ""])
def test_a_new_link_goes_to_nobody_else(address: str) -> None:
    request = submitted()
    confirmation_resend(reference=request.reference, email=address)

    assert request.messages.count() == 1


def test_links_are_not_sent_without_end() -> None:
    request = submitted()
    for _ in range(20):
        confirmation_resend(reference=request.reference, email="ada@example.org")

    assert request.messages.count() == 6


def test_a_request_can_be_withdrawn_before_anything_is_unlearned() -> None:
    confirmed()
    request = request_withdraw(token=sent_link("request_received", "status"))

    assert (request.state, request.outcome) == (RequestState.CLOSED, RequestOutcome.WITHDRAWN)


def test_a_closed_request_cannot_be_withdrawn_again() -> None:
    confirmed()
    token = sent_link("request_received", "status")
    request_withdraw(token=token)

    with pytest.raises(StaleStateError):
        request_withdraw(token=token)


def test_a_message_is_sent_once_even_when_its_task_comes_twice() -> None:
    submitted()
    message = Message.objects.get()

    assert message_send(message_id=message.pk)
    with pytest.raises(StaleStateError):
        message_send(message_id=message.pk)
    tasks.message_send(message.pk)
    assert len(mail.outbox) == 1


def test_the_subject_of_a_mail_names_nobody() -> None:
    submitted()
    sent_link("confirm_address", "confirm")

    assert "Ada" not in mail.outbox[0].subject


def test_a_mail_is_in_the_language_of_the_request() -> None:
    submitted("k1", "en")
    sent_link("confirm_address", "confirm")
    submitted("k2", "de")
    sent_link("confirm_address", "confirm")

    assert mail.outbox[0].subject != mail.outbox[1].subject


def test_the_queue_gets_ids_only(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        submitted()

    arguments = [getattr(callback, "args", ()) for callback in callbacks]
    assert arguments == [("requests_app.message_send", Message.objects.get().pk)]
