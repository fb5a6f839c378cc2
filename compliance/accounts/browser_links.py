"""Lets people sign in whom strangers in their network keep waiting: a link makes a browser known to an account.

The link goes to the account's e-mail address. Whoever opens it still needs the password, but waits for their own failures
only (`throttle.py`). Anybody can order one, without signing in, and nobody can order it away: what strangers order goes to
the account's address as well, and a newer link leaves the older ones as they are. At most one is sent in five minutes, and
each works for ten, so while strangers go on ordering, the mailbox always has one that works.
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
    """Have a link sent to the account with this name; do nothing if there is none that can get one, or one was just ordered.

    Nothing is returned, so that a page cannot tell strangers which accounts there are.
    """
    with transaction.atomic():
        # 1. Lock the account, so that two orders at the same moment are one.
        account = Account.objects.select_for_update(no_key=True).filter(username=username, is_active=True).first()
        now = timezone.now()
        if account is None or not account.email or account.browser_links.filter(ordered_at__gt=now - ONE_IN).exists():
            return
        # 2. Orders whose links no longer work are no longer needed.
        account.browser_links.filter(ordered_at__lt=now - timedelta(days=1)).delete()
        link = account.browser_links.create(ordered_at=now, language=translation.get_language() or settings.LANGUAGE_CODE)
    try:
        app.send_task(SEND_TASK, args=(link.pk,), queue="mail", retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("broker unreachable (%s); a link to sign in was not ordered", type(error).__name__)
        link.delete()


def browser_link_send(*, link_id: int) -> bool:
    """Send a link that was ordered; return whether the mail server took it. A second call sends nothing.

    The link is committed before the mail server hears of it. If that does not answer, whoever waits orders another one.
    """
    token = secrets.token_urlsafe(32)  # 256 bits; only its digest is stored
    expires_at = timezone.now() + LIFETIME
    with transaction.atomic(durable=True):
        sent = BrowserLink.objects.filter(pk=link_id, token_sha256="").update(
            token_sha256=_digest(token), expires_at=expires_at
        )
    if not sent:
        return False
    link = BrowserLink.objects.select_related("account").get(pk=link_id)
    url = settings.PUBLIC_URL.rstrip("/") + reverse("browser_link", args=[token])
    with translation.override(link.language):
        context = {"username": link.account.username, "link": url, "expires_at": expires_at}
        subject = render_to_string("registration/browser_link.subject.txt", context).strip()
        text = render_to_string("registration/browser_link.txt", context)
    try:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [link.account.email])
    except OSError as error:  # of which the errors of smtplib are subclasses
        logger.warning("a link to sign in could not be sent: %s", type(error).__name__)
        return False
    return True


def browser_link_account(*, token: str) -> Account:
    """Return the account that a link is for, and change nothing: mail scanners open links.

    Raises:
        BrowserLinkInvalid: the link does not work, or not any more.
    """
    link = _working(token).select_related("account").first()
    if link is None:
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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
