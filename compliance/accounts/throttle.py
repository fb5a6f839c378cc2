"""Slows down guessing at passwords, without letting strangers lock anybody out.

Failures are counted for each client (an address) and account, for each client in all and for each account in all. Whoever
has failed too often waits, longer each time. A browser that has signed in to an account before has a signed cookie that says
so. It has a count of its own, and what others do neither adds to it nor makes it wait. Only a new browser may have to wait
because of others: up to an hour if they guess from its own address, and otherwise a minute each time while its account is
under attack.

django-axes was considered. It locks out instead of slowing down, and it stores addresses and names; here only keyed digests
are stored, and forgotten after a day. An attempt counts as a failure until it has succeeded: many at once cannot pass before
the first has been counted.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .models import SignInCount

FORGET_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Limit:
    """How many failures are free, and the waits that follow: the first, doubled with every failure, up to the longest."""

    free: int
    first: timedelta
    longest: timedelta

    def wait(self, count: SignInCount, now: datetime) -> timedelta:
        """Return how long to wait from `now`; zero or less if the next attempt may come."""
        failures = failures_remembered(count, now)
        if failures < self.free:
            return timedelta()
        # The exponent is bounded because a timedelta is.
        pause = self.first * (1 << min(failures - self.free, 16))
        return count.last_at + min(pause, self.longest) - now


CLIENT_TO_ACCOUNT = Limit(5, timedelta(seconds=30), timedelta(hours=1))
CLIENT = Limit(30, timedelta(seconds=30), timedelta(minutes=15))
ACCOUNT = Limit(100, timedelta(seconds=5), timedelta(minutes=1))


@dataclass(frozen=True)
class SignInAttempt:
    """Somebody who tries to sign in.

    `browser` is the id of a browser that has signed in to this account before; empty for any other.
    """

    username: str
    client: str
    browser: str = ""

    def limits(self) -> dict[str, Limit]:
        """Return the limits that hold, by the key of their count."""
        name = unicodedata.normalize("NFKC", self.username).casefold()
        if self.browser:
            return {_key("browser", self.browser, name): CLIENT_TO_ACCOUNT}
        return {
            _key("pair", self.client, name): CLIENT_TO_ACCOUNT,
            _key("client", self.client): CLIENT,
            _key("account", name): ACCOUNT,
        }


def sign_in_begin(attempt: SignInAttempt) -> timedelta:
    """Count an attempt as failed and return zero; or return how long to wait, and count nothing."""
    limits, now = attempt.limits(), timezone.now()
    with transaction.atomic():
        # 1. Lock the counts, in the order of their keys, so that two attempts cannot wait for one another.
        for key in sorted(limits):
            SignInCount.objects.get_or_create(key=key, defaults={"last_at": now})
        counts = list(SignInCount.objects.select_for_update().filter(key__in=limits).order_by("key"))
        # 2. Every limit must let the attempt pass.
        wait = max(limits[count.key].wait(count, now) for count in counts)
        if wait > timedelta():
            transaction.set_rollback(True)
            return wait
        # 3. Count it.
        for count in counts:
            count.failures, count.last_at = failures_remembered(count, now) + 1, now
            count.save()
    return timedelta()


def sign_in_succeeded(attempt: SignInAttempt) -> None:
    """Take back what `sign_in_begin` counted, and forget what this client had failed at this account."""
    limits = attempt.limits()
    own = [key for key, limit in limits.items() if limit is CLIENT_TO_ACCOUNT]
    shared = sorted(set(limits) - set(own))
    SignInCount.objects.filter(key__in=own).delete()
    for key in shared:
        SignInCount.objects.filter(key=key).update(failures=Greatest(F("failures") - 1, 0))
    _forget()


@transaction.atomic
def _forget() -> None:
    old = SignInCount.objects.filter(last_at__lt=timezone.now() - FORGET_AFTER).select_for_update(skip_locked=True)
    SignInCount.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def failures_remembered(count: SignInCount, now: datetime) -> int:
    return count.failures if now - count.last_at < FORGET_AFTER else 0


def _key(*parts: str) -> str:
    return salted_hmac("compliance.sign_in", "\0".join(parts), algorithm="sha256").hexdigest()
