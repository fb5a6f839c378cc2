"""Watches every transaction of every test: whatever it locks, it locks in the order that `requests_app.services` writes down.

Two transactions that lock the same two things in opposite orders wait for each other until PostgreSQL kills one of them. No
single act shows that, so all of them are watched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.db import connection
from django.db.transaction import Atomic

ORDER: Final = (
    *("requests_app_erasurerequest", "requests_app_accesslink", "requests_app_searchorder", "requests_app_missedsample"),
    *("requests_app_item", "requests_app_proposal", "requests_app_ending", "unlearning_jobs_job"),
    *("unlearning_jobs_modelversion", "erasure-ledger", "record", "unlearning_jobs_corpussnapshot"),
)
"""The lock order of `requests_app.services`, by the names of the tables and of the two locks that are no rows."""
CHANGED: Final = re.compile(r'^UPDATE "(\w+)"')
ROWS: Final = re.compile(r' FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.DOTALL)


class LockOrderError(AssertionError):
    """A transaction locked against the order; another one that locks in the order can wait for it, and it for that one."""


class Transaction:
    """What one transaction has locked so far, first to last. A service within a test's own transaction counts as one."""

    def __init__(self) -> None:
        self.depth = 0
        self.locked: list[str] = []

    def note(self, name: str) -> None:
        """Note a lock, if it is one that has a place in the order."""
        if self.depth == 0 or name not in ORDER or name in self.locked:
            return
        if later := [held for held in self.locked if ORDER.index(held) > ORDER.index(name)]:
            message = f"{name} was locked after {', '.join(later)}; `requests_app.services` has the order."
            raise LockOrderError(message)
        self.locked.append(name)

    def watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  # Django calls it so
        """Note what a statement locks, and execute it."""
        if "pg_advisory_xact_lock" in sql:
            self.note("erasure-ledger" if "erasure-ledger" in sql else "record")
        elif found := CHANGED.match(sql) or ROWS.search(sql):
            self.note(found[1])
        return execute(sql, params, many, context)


@contextmanager
def watched(monkeypatch: Any) -> Iterator[Transaction]:
    """Watch the transactions of this thread's connection."""
    transaction = Transaction()
    enter, leave = Atomic.__enter__, Atomic.__exit__

    def entered(atomic: Atomic) -> None:
        enter(atomic)
        if atomic.using in {None, connection.alias}:
            transaction.depth += 1

    def left(atomic: Atomic, *error: Any) -> None:
        if atomic.using in {None, connection.alias}:
            transaction.depth -= 1
            if transaction.depth == 0:
                transaction.locked.clear()
        leave(atomic, *error)

    with ExitStack() as stack:
        monkeypatch.setattr(Atomic, "__enter__", entered)
        monkeypatch.setattr(Atomic, "__exit__", left)
        stack.enter_context(connection.execute_wrapper(transaction.watch))
        yield transaction
