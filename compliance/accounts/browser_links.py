"""Lets people sign in whom strangers in their network keep waiting: a link makes a browser known to an account.

The link goes to the account's e-mail address. Whoever opens it still needs the password, but waits for their own failures
only (`throttle.py`). Anybody can order one, without signing in, and nobody can order it away: what strangers order goes to
the account's address as well, and a newer link leaves the older ones as they are. At most one is sent in five minutes, and
each works for ten, so while strangers go on ordering it, the mailbox always has one that works. Each network has an
allowance of orders (`throttle.py`); whoever shares one that is used up orders from another, such as a telephone's.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import models, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from kombu.exceptions import OperationalError

from compliance.celery import app

from .models import Account, BrowserLink

logger = logging.getLogger(__name__)
SEND_TASK = "compliance.browser_link_send"
ONE_IN = timedelta(minutes=5)
LIFETIME = timedelta(minutes=10)


class BrowserLinkInvalid(Exception):
    """Nobody knows the link, it was used, or its time is over."""


def browser_link_order(*, username: str) -> None:
    """Have a worker look whether there is an account with this name that can get a link, and send it.

    What this does is the same for every name, so neither the answer nor its time tells strangers which accounts there are.
    """
    language = translation.get_language() or settings.LANGUAGE_CODE
    link = BrowserLink.objects.create(ordered_for=_name_key(username), ordered_at=timezone.now(), language=language)
    try:
        app.send_task(SEND_TASK, args=(link.pk,), queue="mail", retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("broker unreachable (%s); a link to sign in was not ordered", type(error).__name__)
        link.delete()


def browser_link_send(*, link_id: int) -> bool:
    """Send a link that was ordered; return whether the mail server took it. A second call sends nothing.

    An order for no account, for one without an address, or within five minutes of the last link is deleted. The link is
    committed before the mail server hears of it, and deleted if that does not take it, so that the next order is sent.
    """
    token = secrets.token_urlsafe(32)  # 256 bits; only its digest is stored
    with transaction.atomic(durable=True):
        link = _taken(link_id, token)
    if link is None or link.account is None:
        return False
    url = settings.PUBLIC_URL.rstrip("/") + reverse("browser_link", args=[token])
    with translation.override(link.language):
        context = {"username": link.account.username, "link": url, "expires_at": link.expires_at}
        subject = render_to_string("registration/browser_link.subject.txt", context).strip()
        text = render_to_string("registration/browser_link.txt", context)
    try:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [link.account.email])
    except OSError as error:  # of which the errors of smtplib are subclasses
        logger.warning("a link to sign in could not be sent: %s", type(error).__name__)
        link.delete()
        return False
    return True


def _taken(link_id: int, token: str) -> BrowserLink | None:
    """Give an order its account and its token, or delete it; return it if there is a link to send."""
    now = timezone.now()
    # 1. Orders that no worker heard of, and links that no longer work, are no longer needed.
    BrowserLink.objects.filter(ordered_at__lt=now - timedelta(days=1)).exclude(pk=link_id).delete()
    link = BrowserLink.objects.select_for_update().filter(pk=link_id, token_sha256="").first()
    if link is None:
        return None
    # 2. Lock the account, so that of two orders at the same moment one is sent.
    named = (pk for pk, name in Account.objects.values_list("pk", "username") if _name_key(name) == link.ordered_for)
    account = Account.objects.select_for_update(no_key=True).filter(pk__in=named, is_active=True).exclude(email="").first()
    just_sent = BrowserLink.objects.filter(account=account, expires_at__gt=now - ONE_IN + LIFETIME)
    if account is None or just_sent.exists():
        link.delete()
        return None
    # 3. From here on, the link works.
    link.account, link.token_sha256, link.expires_at = account, _digest(token), now + LIFETIME
    link.save()
    return link


def browser_link_account(*, token: str) -> Account:
    """Return the account that a link is for, and change nothing: mail scanners open links.

    Raises:
        BrowserLinkInvalid: the link does not work, or not any more.
    """
    link = _working(token).select_related("account").first()
    if link is None or link.account is None:
        raise BrowserLinkInvalid
    return link.account


@transaction.atomic
def browser_link_use(*, token: str) -> Account:
    """Use up a link and return the account to which the browser is known from now on.

    Raises:
        BrowserLinkInvalid: the link does not work, or not any more.
    """
    account = browser_link_account(token=token)
    if not _working(token).update(used_at=timezone.now()):
        raise BrowserLinkInvalid
    return account


def _working(token: str) -> models.QuerySet[BrowserLink]:
    return BrowserLink.objects.filter(
        token_sha256=_digest(token), used_at=None, expires_at__gt=timezone.now(), account__is_active=True
    )


def _name_key(username: str) -> str:
    return salted_hmac("compliance.browser_link", username, algorithm="sha256").hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
