"""A request's e-mail and what a test asks of it."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import Message as Mail

from requests_app.models import Message
from tests.mail_server import text_of

from .test_intake import submitted


def confirmation() -> Message:
    """The confirmation e-mail of a new request, waiting."""
    return submitted().messages.get()


def state_of(message: Message) -> tuple[str, int, str]:
    message.refresh_from_db()
    return message.state, message.attempts, message.error


def time_passes(message: Message, by: timedelta) -> None:
    """Move what lies ahead of the message so much nearer."""
    message.refresh_from_db()
    assert message.next_attempt_at is not None
    Message.objects.filter(pk=message.pk).update(next_attempt_at=message.next_attempt_at - by, ring_at=message.ring_at - by)


def token_in(mail: Mail, kind: str = "confirm") -> str:
    match = re.search(rf"/{kind}/([\w-]+)/", text_of(mail))
    assert match
    return match[1]
