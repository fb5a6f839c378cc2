"""Builds the indexes of a snapshot while somebody watches, and says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from .index_runner import index_execute
from .leases import ClaimLostError, NothingToClaimError
from .models import CorpusSnapshot
from .services.indexes import indexes_order
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
        last = time.monotonic()

        def said(done: int, total: int, kind: str = index.kind) -> None:
            nonlocal last
            if total and time.monotonic() - last >= SAID_EVERY:
                last = time.monotonic()
                write(f"  index {kind}: {100 * done // total} %")

        try:
            built = index_execute(index_id=index.pk, said=said)
        except (NothingToClaimError, ClaimLostError):
            write(f"  index {index.kind}: a worker builds it")
            continue
        failed = built.state == JobState.FAILED
        write(f"  index {index.kind}: {f'not built ({built.error_code})' if failed else f'built {built.digest}'}")
