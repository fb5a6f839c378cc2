"""E-mails to claimants: queued in the transaction that causes them, sent by a worker."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.states import ItemState
from unlearning_jobs.queue import enqueue_on_commit

MAX_ATTEMPTS = 5
CONFIRM_LIFETIME = timedelta(days=3)
STATUS_LIFETIME = timedelta(days=365)
SEND_TASK = "requests_app.message_send"


@transaction.atomic
def message_queue(*, request: ErasureRequest, template: str) -> Message:
    """Queue a message to be sent on commit. Its text is rendered when it is sent, and never stored."""
    message = Message.objects.create(request=request, template=template)
    record_append(
        subject=request.subject,
        kind=RecordKind.MESSAGE_QUEUED,
        actor=SYSTEM,
        data={"message": message.pk, "template": template},
    )
    enqueue_on_commit(SEND_TASK, message.pk, queue="default")
    return message


@transaction.atomic
def message_send(*, message_id: int) -> bool:
    """Send a waiting message; return whether the mail server took it. The reconciler retries it if not.

    Raises:
        StaleStateError: the message is not waiting, or another worker is sending it.
    """
    # 1. Lock the message; skip it when another worker holds it, so that nobody gets it twice.
    message = (
        Message.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("request")
        .filter(pk=message_id, state=Message.State.WAITING)
        .first()
    )
    if message is None:
        reason = f"Message {message_id} is not waiting to be sent."
        raise StaleStateError(reason)
    # 2. Hand it to the mail server.
    message.attempts += 1
    try:
        _mail(message).send()
    except (OSError, SMTPException) as error:
        message.error = type(error).__name__
        message.state = Message.State.FAILED if message.attempts >= MAX_ATTEMPTS else Message.State.WAITING
        message.save()
        if message.state == Message.State.FAILED:
            _record(message, RecordKind.MESSAGE_FAILED)
        return False
    # 3. Record that it was sent.
    message.state, message.sent_at, message.error = Message.State.SENT, timezone.now(), ""
    message.save()
    _record(message, RecordKind.MESSAGE_SENT)
    return True


def _record(message: Message, kind: RecordKind) -> None:
    data = {"message": message.pk, "template": message.template}
    record_append(subject=message.request.subject, kind=kind, actor=SYSTEM, data=data)


def _mail(message: Message) -> EmailMultiAlternatives:
    request = message.request
    # Tokens are not stored, so every e-mail carries links of its own.
    status_link = _link(request, AccessLink.Purpose.STATUS, STATUS_LIFETIME)
    confirms = message.template == "confirm_address"
    context = {
        "reference": request.reference,
        "kind": request.kind,
        "due_on": request.due_on,
        "organisation": settings.ORGANISATION,
        "link": _link(request, AccessLink.Purpose.CONFIRM, CONFIRM_LIFETIME) if confirms else status_link,
        "status_link": status_link,
        "reasons": refusal_text(item.reasons for item in request.items.filter(state=ItemState.REFUSED)),
    }
    with translation.override(request.language):
        subject = render_to_string(f"email/{message.template}.subject.txt", context).strip()
        mail = EmailMultiAlternatives(
            subject, render_to_string(f"email/{message.template}.txt", context), settings.DEFAULT_FROM_EMAIL, [request.email]
        )
        mail.attach_alternative(render_to_string(f"email/{message.template}.html", context), "text/html")
    return mail


def refusal_text(reasons: Iterable[str]) -> str:
    """Join the reasons of all refused items, one paragraph each; equal ones appear once."""
    return "\n\n".join(dict.fromkeys(reasons))


def _link(request: ErasureRequest, purpose: AccessLink.Purpose, lifetime: timedelta) -> str:
    """Create a secret link. A new confirmation link invalidates the older ones."""
    now = timezone.now()
    if purpose == AccessLink.Purpose.CONFIRM:
        request.links.filter(purpose=purpose, used_at=None).update(expires_at=now)
    token = secrets.token_urlsafe(32)  # 256 bits; only its digest is stored
    AccessLink.objects.create(request=request, purpose=purpose, token_sha256=token_digest(token), expires_at=now + lifetime)
    return settings.PUBLIC_URL.rstrip("/") + reverse(f"public:{purpose.value}", args=[token])


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
