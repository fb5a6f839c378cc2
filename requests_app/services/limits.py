"""Limits how often the public forms are used, in a way that nobody can use to lock somebody else out.

Uses are counted by the hour: for each network that they come from, and in all. Each network has an allowance. Once all of
them together have used a form often, the allowance of each becomes smaller, and never nothing: whoever has not used the form
lately can always use it, whatever others do. So no limit on the sum is hard: it grows with the number of networks. Nothing
that was sent, and no request that waits, counts against the e-mail address in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from requests_app.models import UseCount

HOUR = timedelta(hours=1)
WIDER = 4
"""How many times the allowance a wider network has, such as the /48 around a /64."""


@dataclass(frozen=True)
class Limit:
    """How often a network may use something in an hour, and how often once all together have used it `busy` times."""

    name: str
    own: int
    busy: int
    own_when_busy: int

    def allowance(self, used_by_all: int, place: int) -> int:
        """Return the allowance of a network; `place` 0 is the narrowest one."""
        own = self.own if used_by_all < self.busy else self.own_when_busy
        return own * (WIDER if place else 1)


ANSWER = Limit("answer", own=300, busy=30_000, own_when_busy=60)
"""Pages of the form that are sent; a request takes seven."""
SUBMIT = Limit("submit", own=20, busy=500, own_when_busy=3)
RESEND = Limit("resend", own=20, busy=500, own_when_busy=3)
CONFIRMATION = Limit("confirmation", own=5, busy=10, own_when_busy=2)
"""E-mails that ask one address for its confirmation."""


class LimitReachedError(Exception):
    """The allowance of a network is used up until a point in time."""

    def __init__(self, limit: Limit, until: datetime) -> None:
        super().__init__(limit.name)
        self.limit = limit
        self.until = until


def use_count(*, limit: Limit, networks: Sequence[str], about: str = "") -> None:
    """Count a use from these networks, the narrowest first; without networks, it came through no public form.

    Raises:
        LimitReachedError: one of them has used up its allowance; nothing is counted.
    """
    if not networks:
        return
    now, in_all = timezone.now(), _key(limit, about)
    places = {_key(limit, about, network): place for place, network in enumerate(networks)}
    with transaction.atomic():
        # 1. Lock the counts, in the order of their keys, so that two uses cannot wait for one another.
        keys = sorted([in_all, *places])
        for key in keys:
            UseCount.objects.get_or_create(key=key, defaults={"since": now})
        counts = {count.key: count for count in UseCount.objects.select_for_update().filter(key__in=keys).order_by("key")}
        for count in counts.values():
            if now - count.since >= HOUR:
                count.uses, count.since = 0, now
        # 2. Every network must have something left.
        total = counts[in_all]
        reached = [
            _until(limit, counts[key], total, place)
            for key, place in places.items()
            if counts[key].uses >= limit.allowance(total.uses, place)
        ]
        if reached:
            raise LimitReachedError(limit, max(reached))
        # 3. Count it.
        for count in counts.values():
            count.uses += 1
            count.save()


@transaction.atomic
def uses_forget() -> None:
    """Delete the counts of hours that have passed. Those that somebody holds are being used again."""
    old = UseCount.objects.filter(since__lte=timezone.now() - HOUR).select_for_update(skip_locked=True)
    UseCount.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def _until(limit: Limit, count: UseCount, in_all: UseCount, place: int) -> datetime:
    """Return when a network has something left again: in its next hour, or when the form is no longer used so often."""
    if count.uses < limit.allowance(0, place):
        return min(count.since, in_all.since) + HOUR
    return count.since + HOUR


def _key(limit: Limit, *parts: str) -> str:
    return salted_hmac(f"requests_app.limits.{limit.name}", "\0".join(parts), algorithm="sha256").hexdigest()
