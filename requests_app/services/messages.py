"""E-mails to claimants: queued in the transaction that causes them, sent by a worker."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from requests_app.models import AccessLink, ErasureRequest, Message
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.ringing import first_ring

from .letters import MailLinks, letter
from .mail_reasons import CONFIRM_ADDRESS, is_due, message_is_due
from .permissions import require_officer

BACKOFF = (
    *(timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=2), timedelta(hours=6), timedelta(hours=12), timedelta(hours=24), timedelta(hours=48)),
)
"""How long to wait after each failed attempt but the last: almost four days in all."""
MAX_ATTEMPTS = len(BACKOFF) + 1
SENDING_AT_MOST = timedelta(minutes=15)
"""A worker that has not finished an attempt by then counts as lost. Every answer of the server may take EMAIL_TIMEOUT."""
WORKER_LOST = "WorkerLost"
CONFIRM_LIFETIME = timedelta(days=3)
STATUS_LIFETIME = timedelta(days=365)
SEND_TASK = "requests_app.message_send"


@transaction.atomic
def message_queue(*, request: ErasureRequest, template: str) -> Message:
    """Queue a message to be sent on commit. Its text is rendered when it is sent, and never stored.

    Raises:
        StaleStateError: the address is unconfirmed, and this is not the message that asks for its confirmation; or the
            request is not in the state that the message is about.
    """
    if template != CONFIRM_ADDRESS and request.confirmed_at is None:
        raise StaleStateError(_("The claimant has not confirmed their e-mail address yet."))
    if not is_due(request, template):
        raise StaleStateError(_("The request is not in the state that this e-mail is about."))
    message = Message.objects.create(request=request, template=template)
    record_append(
        subject=request.subject,
        kind=RecordKind.MESSAGE_QUEUED,
        actor=SYSTEM,
        data={"message": message.pk, "template": template},
    )
    enqueue_on_commit(SEND_TASK, message.pk, queue="mail")
    return message


def message_send(*, message_id: int) -> bool:
    """Send a message that is due and still has its reason; return whether the mail server took it.

    Must not be called in a transaction.

    Guarantee: at least once, or given up after the last of `MAX_ATTEMPTS` attempts over days. The claim of an attempt and
    the links in the mail are committed before the mail server hears of it, so nobody receives a link that was rolled back,
    and no database lock is held meanwhile. Two workers never send at the same time. A message is sent twice only if a worker
    dies, or the connection breaks, after the server took the mail and before that was committed; both mails then have the
    same Message-ID, and the links in both work.

    Raises:
        NotDueError: the message is not due: it is sent, given up, waits for its next attempt or is being sent.
    """
    # 1. Claim the attempt, and create the links that the mail will contain.
    claim = _claim(message_id)
    if claim is None:
        return False
    # 2. Hand the mail to the server, without a transaction.
    try:
        _mail(claim).send()
    except Exception as error:
        # Whatever went wrong, the message waits for its next attempt.
        _attempt_failed(claim, type(error).__name__)
        if not isinstance(error, OSError):  # of which the errors of smtplib are subclasses
            raise
        return False
    # 3. Record that it was sent.
    _attempt_succeeded(claim)
    return True


class NotDueError(StaleStateError):
    """The message is sent, given up, waits for its next attempt, or is being sent."""


@dataclass(frozen=True)
class MessageClaim:
    """An attempt at a message: the only one until `SENDING_AT_MOST` has passed."""

    message: Message
    number: int
    status_link: Link
    confirmation_link: Link | None


@dataclass(frozen=True)
class Link:
    """A secret link. Its address is in this process's memory and in the mail only."""

    row: AccessLink
    url: str


@transaction.atomic(durable=True)
def _claim(message_id: int) -> MessageClaim | None:
    """Start the next attempt at a message; return None if there is none left, or what it says is no longer so.

    Raises:
        NotDueError: the message is not due.
    """
    # 1. Lock the message and check that it is due.
    now = timezone.now()
    message = _locked(message_id)
    if message.state != Message.State.WAITING or message.next_attempt_at is None or message.next_attempt_at > now:
        reason = f"Message {message_id} is not due."
        raise NotDueError(reason)
    # 2. What it says is no longer so: it ends without another attempt.
    if not message_is_due(message):
        _lapse(message)
        return None
    # 3. The worker of the last attempt died: give up.
    if message.attempts >= MAX_ATTEMPTS:
        _give_up(message, WORKER_LOST)
        return None
    # 4. Take the attempt. Should this worker die, the next one starts when it counts as lost.
    message.attempts, message.error = message.attempts + 1, ""
    _next_attempt(message, now + SENDING_AT_MOST)
    message.save()
    # 5. Tokens are not stored, so every mail carries links of its own.
    confirms = message.template == CONFIRM_ADDRESS
    status_link = _link(message, AccessLink.Purpose.STATUS, STATUS_LIFETIME)
    confirmation_link = _link(message, AccessLink.Purpose.CONFIRM, CONFIRM_LIFETIME) if confirms else None
    return MessageClaim(message, message.attempts, status_link, confirmation_link)


@transaction.atomic(durable=True)
def _attempt_failed(claim: MessageClaim, error: str) -> None:
    """Schedule the next attempt, or give up after the last one."""
    message = _locked(claim.message.pk)
    if message.state != Message.State.WAITING or message.attempts != claim.number:
        return  # this worker took longer than SENDING_AT_MOST, and another one has taken over
    if message.attempts >= MAX_ATTEMPTS:
        _give_up(message, error)
        return
    message.error = error
    _next_attempt(message, timezone.now() + BACKOFF[message.attempts - 1])
    message.save()


@transaction.atomic(durable=True)
def _attempt_succeeded(claim: MessageClaim) -> None:
    message = _locked(claim.message.pk)
    if message.state == Message.State.SENT:
        return  # another worker has taken over and sent it as well
    message.state, message.sent_at, message.error, message.next_attempt_at = Message.State.SENT, timezone.now(), "", None
    message.save()
    if claim.confirmation_link:
        _older_links_expire(message, claim.confirmation_link, message.sent_at)
    _record(message, RecordKind.MESSAGE_SENT)


def _older_links_expire(message: Message, link: Link, now: datetime) -> None:
    """Let only the newest confirmation e-mail's links work. Its earlier attempts may have reached the claimant, too."""
    older = message.request.links.filter(purpose=AccessLink.Purpose.CONFIRM, used_at=None, pk__lt=link.row.pk)
    older.filter(expires_at__gt=now).exclude(message=message).update(expires_at=now)


@transaction.atomic
def message_resend(*, message: Message, by: Account) -> Message:
    """Send a message again whose attempts fail, or were given up: now, and then as often as a new one.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: it was sent, it is being sent, or the request no longer needs it.
    """
    require_officer(by)
    message = _locked(message.pk)
    if not can_resend(message):
        raise StaleStateError(_("This e-mail has been sent, is being sent or is no longer needed. Reload the page."))
    message.state, message.attempts, message.error = Message.State.WAITING, 0, ""
    message.next_attempt_at, message.rings, message.ring_at = timezone.now(), 0, first_ring()
    message.save()
    _record(message, RecordKind.MESSAGE_QUEUED, by.opaque)
    enqueue_on_commit(SEND_TASK, message.pk, queue="mail")
    return message


def can_resend(message: Message) -> bool:
    """Return whether the last attempt failed, and what the message says is still so."""
    waits = message.state == Message.State.WAITING and bool(message.error)
    return (waits or message.state == Message.State.FAILED) and message_is_due(message)


def _locked(message_id: int) -> Message:
    """Lock a message and return it as it is now. Nobody who holds a request's lock waits for a message's."""
    return Message.objects.select_for_update(no_key=True, of=("self",)).select_related("request").get(pk=message_id)


def _next_attempt(message: Message, at: datetime) -> None:
    # No message is on its way to the worker, so the reconciler rings as soon as the attempt is due.
    message.next_attempt_at = message.ring_at = at
    message.rings = 0


def _lapse(message: Message) -> None:
    message.state, message.next_attempt_at = Message.State.LAPSED, None
    message.save()
    _record(message, RecordKind.MESSAGE_LAPSED)


def _give_up(message: Message, error: str) -> None:
    message.state, message.error, message.next_attempt_at = Message.State.FAILED, error, None
    message.save()
    _record(message, RecordKind.MESSAGE_FAILED)


def _record(message: Message, kind: RecordKind, actor: str = SYSTEM) -> None:
    data = {"message": message.pk, "template": message.template}
    record_append(subject=message.request.subject, kind=kind, actor=actor, data=data)


def _mail(claim: MessageClaim) -> EmailMultiAlternatives:
    message, request = claim.message, claim.message.request
    link = claim.confirmation_link or claim.status_link
    links = MailLinks(link.url, claim.status_link.url, link.row.expires_at)
    written = letter(request, message.template, links=links)
    mail = EmailMultiAlternatives(
        written.subject,
        written.text,
        settings.DEFAULT_FROM_EMAIL,
        [request.email],
        headers={"Message-ID": f"<message-{message.pk}@{urlsplit(settings.PUBLIC_URL).hostname}>"},
    )
    mail.attach_alternative(written.html, "text/html")
    return mail


def _link(message: Message, purpose: AccessLink.Purpose, lifetime: timedelta) -> Link:
    """Create a secret link."""
    token = secrets.token_urlsafe(32)  # 256 bits; only its digest is stored
    row = AccessLink.objects.create(
        request=message.request,
        message=message,
        purpose=purpose,
        token_sha256=token_digest(token),
        expires_at=timezone.now() + lifetime,
    )
    return Link(row, settings.PUBLIC_URL.rstrip("/") + reverse(f"public:{purpose.value}", args=[token]))


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
