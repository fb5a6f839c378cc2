"""Waits for transactions of PostgreSQL that may still see what was deleted: a vacuum keeps whatever one of them may see."""

from __future__ import annotations

import time
from typing import Any, Final

PATIENCE: Final = 60.0
"""Seconds. Of what goes on longer, the deleted rows stay in the table, and reading it back says so."""
PAUSE: Final = 0.2
OLDER: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < %s
        AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)"""


def wait_for_older(cursor: Any) -> None:
    """Wait until no transaction of the database is left that began before now. The cursor commits by itself."""
    cursor.execute("SELECT clock_timestamp()")
    begun, end = cursor.fetchone()[0], time.monotonic() + PATIENCE
    while time.monotonic() < end:
        cursor.execute(OLDER, (begun,))
        if not cursor.fetchone()[0]:
            return
        time.sleep(PAUSE)
