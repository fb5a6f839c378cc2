"""Puts into words what became of e-mails to claimants. Every sentence about one follows from its row, as it is now."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import ErasureRequest, Message
from .services.mail_reasons import message_standing

MAIL_TITLES: dict[str, Any] = {
    "confirm_address": gettext_lazy("Please confirm your e-mail address"),
    "request_received": gettext_lazy("Request received"),
    "deadline_extended": gettext_lazy("Our answer takes longer"),
    "outcome_completed": gettext_lazy("Outcome: completed"),
    "outcome_refused": gettext_lazy("Outcome: refused"),
    "outcome_no_match": gettext_lazy("Outcome: nothing found"),
    "outcome_already_erased": gettext_lazy("Outcome: already erased"),
    "outcome_not_learned": gettext_lazy("Outcome: in no model in use"),
    "outcome_no_influence": gettext_lazy("Outcome: no measurable influence"),
    "outcome_in_stores": gettext_lazy("Outcome: documents in data stores"),
    "outcome_not_searched": gettext_lazy("Outcome: could not be searched in full"),
}


class MailWords(NamedTuple):
    """What a claimant reads about an e-mail, and its state."""

    sentence: str
    state: str


def mail_title(template: str) -> str:
    return str(MAIL_TITLES.get(template, template))


def last_mail(request: ErasureRequest, template: str = "") -> MailWords | None:
    """Return what to say about the latest e-mail of a request, or the latest with this template; None if there is none."""
    messages = request.messages.filter(template=template) if template else request.messages
    message = messages.select_related("request").order_by("-pk").first()
    return MailWords(mail_sentence(message), message_standing(message)) if message else None


def mail_sentence(message: Message) -> str:
    """Return what became of a message, for whoever it is to."""
    facts = {"title": mail_title(message.template), "at": _moment(message)}
    match message_standing(message):
        case Message.State.SENT:
            return _("We sent our e-mail “%(title)s” to the address that you gave, on %(at)s.") % facts
        case Message.State.LAPSED:
            return _("We did not send our e-mail “%(title)s”: it was no longer due.") % facts
        case Message.State.FAILED:
            sentence = _(
                "We could not send our e-mail “%(title)s” to the address that you gave, and have stopped trying. The people"
                " who handle requests see that."
            )
            return sentence % facts
        case _waiting if message.error:
            return _("We could not send our e-mail “%(title)s” yet. Our next attempt is on %(at)s.") % facts
        case _waiting:
            return _("We are about to send our e-mail “%(title)s” to the address that you gave.") % facts


def _moment(message: Message) -> str:
    at = message.sent_at or message.next_attempt_at
    return date_format(localtime(at), "DATETIME_FORMAT") if at else ""
