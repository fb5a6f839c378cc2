"""Work that one worker at a time may do: under a lease, with heartbeats, and with a token that shuts out whoever lost it.

Jobs and searches are such rows (ADR 3). A worker that falls silent loses its lease, and another one begins again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from compliance.record.errors import StaleStateError

from .states import JobState

LEASE = timedelta(seconds=settings.JOB_LEASE_SECONDS)
"""How long a worker may be silent before another may take its work over. Heartbeats come every second."""


class NothingToClaimError(StaleStateError):
    """The work is being done elsewhere or has ended; a doubled or late message asked for it."""


class ClaimLostError(StaleStateError):
    """The work has ended, or somebody has claimed or queued it again since; nothing was written."""


class Leased(models.Model):
    """A row of work. It is the truth about it; a queue message only carries its id."""

    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    runs = models.PositiveSmallIntegerField(default=0)
    max_runs = models.PositiveSmallIntegerField(default=3)
    fencing_token = models.PositiveIntegerField(default=0)
    """Raised by every claim; a worker that holds an older token can write nothing."""
    lease_until = models.DateTimeField(null=True)
    done = models.FloatField(default=0)
    total = models.FloatField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def is_final(self) -> bool:
        return self.state in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}

    def lease_take(self) -> None:
        """Begin the next run under a lease. The higher token shuts out whoever held the row before."""
        self.runs, self.fencing_token = self.runs + 1, self.fencing_token + 1
        self.lease_until = timezone.now() + LEASE
        self.done, self.total = 0, 0


L = TypeVar("L", bound=Leased)


def held(rows: QuerySet[L], *, pk: int, token: int) -> QuerySet[L]:
    """Return the row if whoever has this token still holds it, otherwise none."""
    return rows.filter(pk=pk, state=JobState.RUNNING, fencing_token=token)


def held_row(rows: QuerySet[L], row: L) -> L:
    """Return the row as it is now, if whoever has this copy of it still holds it. `rows` may lock it.

    Raises:
        ClaimLostError: somebody else holds it, or nobody wants it any more.
    """
    found = held(rows, pk=row.pk, token=row.fencing_token).first()
    if found is None:
        raise _lost(row)
    return found


def lease_extend(rows: QuerySet[L], row: L, **progress: float) -> None:
    """Write a heartbeat, with the progress if there is any, and extend the lease. It moves nothing, so it has no entry.

    Raises:
        ClaimLostError: somebody else holds the row, or nobody wants it any more.
    """
    mine = held(rows, pk=row.pk, token=row.fencing_token)
    if mine.update(lease_until=timezone.now() + LEASE, **progress) != 1:
        raise _lost(row)


def _lost(row: Leased) -> ClaimLostError:
    return ClaimLostError(f"{type(row).__name__} {row.pk} is no longer run {row.runs}'s.")


def lapsed(rows: QuerySet[L]) -> QuerySet[L]:
    """Return the rows whose worker has fallen silent."""
    return rows.filter(state=JobState.RUNNING, lease_until__lt=timezone.now())
