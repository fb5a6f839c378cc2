"""Keeps the leases of a worker alive while one step of its work takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from django.db import connection

from .leases import LEASE

REPORT_SECONDS = 1.0
"""Shortest time between two writes to a row."""
SILENT_AT_MOST = LEASE.total_seconds() / 4
"""The thread writes when nothing has been reported for this long."""


class Heartbeat:
    """Writes what is reported, at most once a second; a thread writes when nothing is."""

    def __init__(self) -> None:
        self.reported = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._while_silent, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def report(self, *, at_once: bool = False, **progress: float) -> None:
        """Write the progress, at most once a second."""
        if at_once or time.monotonic() - self.reported >= REPORT_SECONDS:
            self.write(progress)

    def write(self, progress: Mapping[str, float]) -> None:
        """Write to the rows now, and note when. Subclasses say what; it must not raise when a lease was lost."""
        raise NotImplementedError

    def _while_silent(self) -> None:
        while not self._stop.wait(min(REPORT_SECONDS, SILENT_AT_MOST)):
            if time.monotonic() - self.reported >= SILENT_AT_MOST:
                self.write({})
        connection.close()  # the thread's own
