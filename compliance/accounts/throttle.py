"""Slows down guessing at passwords, without letting strangers lock anybody out.

Failures are counted for each network and account, and for each network in all (`compliance.clients`). Whoever has failed too
often waits, longer each time. Nobody waits for what other networks did: a password from a network that has not failed lately
is looked at at once, however many guess at the account elsewhere. Their number only makes everybody's own failures count
more. A browser that is known to an account (a signed cookie says so) has a count of its own: it waits for its own failures
alone, even among strangers in its network. It is known once somebody has signed in with it, or has opened a link that was
sent to the account's address (`browser_links.py`). What this cannot do is in SECURITY.md.

django-axes was considered. It locks out instead of slowing down, and it stores addresses and names; here only keyed digests
are stored, and forgotten after a day. An attempt counts as a failure until it has succeeded: many at once cannot pass before
the first has been counted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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


PAIR = Limit(5, timedelta(seconds=30), timedelta(hours=1))
"""A network, or a known browser, and an account."""
PAIR_UNDER_ATTACK = Limit(2, timedelta(minutes=5), timedelta(hours=6))
"""A network and an account at which many others fail as well."""
ATTACKED_FROM = 100
"""Failures at an account in all from which on it counts as under attack, until a day without one has passed."""
NETWORK = Limit(30, timedelta(seconds=30), timedelta(minutes=15))
"""A network in all."""
ORDERS = Limit(20, timedelta(minutes=3), timedelta(hours=1))
"""A network that orders links to sign in (`browser_links.py`), of which none counts as a failure elsewhere."""
WIDER = 4
"""How many times as many failures are free to a wider network, such as the /48 around a /64."""


@dataclass(frozen=True)
class SignInAttempt:
    """Somebody who tries to sign in, from these networks, the narrowest first.

    `browser` is the id of a browser that is known to this account; empty for any other.
    """

    username: str
    networks: tuple[str, ...]
    browser: str = ""

    @property
    def name(self) -> str:
        """The name as it is counted, however it is written."""
        return unicodedata.normalize("NFKC", self.username).casefold()

    @property
    def account_key(self) -> str:
        """Key of the count of all failures at the account. Nobody waits for it."""
        return _key("account", self.name)

    @property
    def counted(self) -> set[str]:
        """Keys of the counts that a failure adds to; one in a known browser adds to its own only."""
        return {*self.limits()} if self.browser else {*self.limits(), self.account_key}

    def limits(self, *, under_attack: bool = False) -> dict[str, Limit]:
        """Return the limits that hold, by the key of their count."""
        if self.browser:
            return {_key("browser", self.browser, self.name): PAIR}
        pair = PAIR_UNDER_ATTACK if under_attack else PAIR
        limits = {}
        for place, network in enumerate(self.networks):
            factor = WIDER if place else 1
            limits[_key("pair", network, self.name)] = replace(pair, free=pair.free * factor)
            limits[_key("network", network)] = replace(NETWORK, free=NETWORK.free * factor)
        return limits


def sign_in_begin(attempt: SignInAttempt) -> timedelta:
    """Count an attempt as failed and return zero; or return how long to wait, and count nothing."""
    now = timezone.now()
    with transaction.atomic():
        counts = _locked(attempt.counted, now)
        account = counts.get(attempt.account_key)
        under_attack = account is not None and failures_remembered(account, now) >= ATTACKED_FROM
        return _counted(counts, attempt.limits(under_attack=under_attack), now)


def link_order_begin(networks: Sequence[str]) -> timedelta:
    """Count an order of a link from these networks and return zero; or return how long to wait, and count nothing."""
    now = timezone.now()
    limits = {
        _key("link", network): replace(ORDERS, free=ORDERS.free * (WIDER if place else 1))
        for place, network in enumerate(networks)
    }
    with transaction.atomic():
        return _counted(_locked(limits, now), limits, now)


def _locked(keys: Collection[str], now: datetime) -> dict[str, SignInCount]:
    """Lock the counts, in the order of their keys, so that two attempts cannot wait for one another."""
    for key in sorted(keys):
        SignInCount.objects.get_or_create(key=key, defaults={"last_at": now})
    return {count.key: count for count in SignInCount.objects.select_for_update().filter(key__in=keys).order_by("key")}


def _counted(counts: Mapping[str, SignInCount], limits: Mapping[str, Limit], now: datetime) -> timedelta:
    """Count one more and return zero; or undo the transaction, and return how long the limits let nobody pass."""
    wait = max(limit.wait(counts[key], now) for key, limit in limits.items())
    if wait > timedelta():
        transaction.set_rollback(True)
        return wait
    for count in counts.values():
        count.failures, count.last_at = failures_remembered(count, now) + 1, now
        count.save()
    return timedelta()


def sign_in_succeeded(attempt: SignInAttempt) -> None:
    """Take back what `sign_in_begin` counted, and forget what this network or browser had failed at this account."""
    counted = attempt.counted
    shared = counted & {attempt.account_key, *(_key("network", network) for network in attempt.networks)}
    SignInCount.objects.filter(key__in=counted - shared).delete()
    for key in sorted(shared):
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
