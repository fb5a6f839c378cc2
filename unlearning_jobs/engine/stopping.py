"""How a job's process ends before its job does: told to by a signal, or because its parent is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, TextIO

SIGTERM_STATUS: Final = 143


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Exit with a status of its own if SIGTERM comes while what is inside runs; afterwards, it does what it did before."""
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_with_parent() -> None:
    """From now on, exit when the parent closes its end of standard input, however the parent ends."""
    threading.Thread(target=_exit_at_end_of, args=(sys.stdin,), daemon=True).start()


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(SIGTERM_STATUS)


def _exit_at_end_of(stream: TextIO) -> None:
    while stream.buffer.read(1):
        pass
    os._exit(SIGTERM_STATUS)
