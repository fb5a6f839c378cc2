"""When to ring for a row again whose message may have been lost: at growing intervals, so that a full queue does not grow.

A message is a doorbell (ADR 3), and nobody can tell a lost one from one that still waits in a long queue. Whoever has waited
for a time is rung for again after about as long once more: a row that waits for an hour costs seven messages, and a lost one
is made up for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from django.db import models, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from .queue import enqueue

RING_AGAIN_AFTER = timedelta(seconds=20)
"""A row that nobody has taken up for this long may have lost its message."""
RING_AGAIN_AT_MOST = timedelta(hours=1)


def first_ring() -> datetime:
    """Return when to ring again for a row that is rung for now."""
    return timezone.now() + RING_AGAIN_AFTER


class Rung(models.Model):
    """A row that workers are rung for. Whoever rings for a new reason sets `rings` to 0 and `ring_at` to `first_ring()`."""

    ring_at = models.DateTimeField(default=first_ring)
    """Not to be rung for again before."""
    rings = models.PositiveSmallIntegerField(default=0)
    """How often it has been rung for again."""

    class Meta:
        abstract = True


R = TypeVar("R", bound=Rung)


def ring_again(rows: QuerySet[R], task: str, *, queue: str) -> int:
    """Ring for those of the waiting `rows` that are due, oldest first, and return how many."""
    # 1. Claim them, so that two reconcilers at once do not both ring. Rows that a worker holds are being taken up.
    due = _claim(rows)
    # 2. Ring after the commit: a worker that comes at once must not find the rows locked.
    for place, pk in enumerate(due):
        if not enqueue(task, pk, queue=queue):
            # 3. The broker is away: give back what was not rung for, and let the next round try.
            rows.filter(pk__in=due[place:]).update(ring_at=timezone.now(), rings=F("rings") - 1)
            return place
    return len(due)


@transaction.atomic
def _claim(rows: QuerySet[R]) -> list[int]:
    """Return the keys of the rows that are due, and set when each is due again."""
    now = timezone.now()
    due = rows.filter(ring_at__lte=now).select_for_update(of=("self",), skip_locked=True, no_key=True)
    rings = sorted(due.order_by("rings").values_list("rings", "pk"))
    for count, group in groupby(rings, key=lambda pair: pair[0]):
        keys = [pk for _rings, pk in group]
        rows.filter(pk__in=keys).update(ring_at=now + _interval(count + 1), rings=count + 1)
    return sorted(pk for _rings, pk in rings)


def _interval(rings: int) -> timedelta:
    # The exponent is bounded because a timedelta is.
    return min(RING_AGAIN_AFTER * (1 << min(rings, 16)), RING_AGAIN_AT_MOST)
