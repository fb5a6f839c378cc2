"""Builds the indexes of a snapshot while somebody watches, and says how far it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from django.utils import timezone

from .index_runner import index_execute
from .leases import ClaimLostError, NothingToClaimError
from .models import CorpusIndex, CorpusSnapshot
from .services.indexes import index_run_lapsed, indexes_order
from .states import JobState

SAID_EVERY: Final = 5.0


def indexes_build(snapshot: CorpusSnapshot, write: Callable[[str], object]) -> None:
    """Order and build what the snapshot lacks. What a worker builds at the same time is left to it.

    Raises:
        CorpusError: the snapshot cannot be read.
    """
    for index in indexes_order(snapshot=snapshot):
        if index.state == JobState.COMPLETED:
            write(f"  index {index.kind}: built")
            continue
        index_run_lapsed(index_id=index.pk)  # a build that was killed
        last = time.monotonic()

        def said(done: int, total: int, kind: str = index.kind) -> None:
            nonlocal last
            if total and time.monotonic() - last >= SAID_EVERY:
                last = time.monotonic()
                write(f"  index {kind}: {100 * done // total} %")

        try:
            built = index_execute(index_id=index.pk, said=said)
        except (NothingToClaimError, ClaimLostError):
            write(f"  index {index.kind}: {_why_not(index.pk)}")
            continue
        failed = built.state == JobState.FAILED
        write(f"  index {index.kind}: {f'not built ({built.error_code})' if failed else f'built {built.digest}'}")


def _why_not(pk: int) -> str:
    """Say why an index is not built now: somebody else may be at it, or was until a moment ago."""
    index = CorpusIndex.objects.get(pk=pk)
    if index.state == JobState.COMPLETED:  # a worker was quicker
        return f"built {index.digest}"
    if index.state == JobState.FAILED:
        return f"not built ({index.error_code})"
    if index.lease_until is None:
        return "it waits for a worker"
    left = max(1, math.ceil((index.lease_until - timezone.now()).total_seconds()))
    return f"a worker builds it, or was killed just now; if it gives no sign of life for {left} s, run this again"
