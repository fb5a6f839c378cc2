"""Watches every transaction of every test: what it locks, it locks in the order and as `requests_app.services` writes down.

Two transactions that lock the same two things in opposite orders wait for each other until PostgreSQL kills one of them. No
single act shows that, so all of them are watched, in every thread of the process that tests.

Not watched: which of several rows of a table is locked first, what an INSERT or a DELETE waits for, and other processes. Who
skips what is locked waits for nothing, and is watched all the same: it may wait for what it locks afterwards.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final
from weakref import WeakKeyDictionary

import django.test
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, get_connection

LEDGER: Final = "erasure-ledger"
ORDER: Final = (
    *("requests_app_erasurerequest", "requests_app_accesslink", "requests_app_searchorder", "requests_app_missedsample"),
    *(
        "requests_app_storeerasure",
        "requests_app_item",
        "requests_app_proposal",
        "requests_app_ending",
        "unlearning_jobs_job",
    ),
    *("unlearning_jobs_modelversion", LEDGER, "record", "record:recipe", "record:model", "record:request"),
    *("unlearning_jobs_corpussnapshot", "record:corpus", "record-sequence"),
)
"""The lock order of `requests_app.services`, by the names of tables and of locks that are no rows.

The number of a subject is called by its kind. Those of the ledger, the keys and the like are “record”.
"""
OF_TESTS: Final = (str(Path(__file__).parent), str(Path(django.test.__file__).parent))
CHANGED: Final = re.compile(r'^UPDATE "(\w+)"')
ROWS: Final = re.compile(r' FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.DOTALL)


class LockOrderError(AssertionError):
    """A transaction locked against the order, or too much; another one can wait for it, and it for that one."""


class Transaction:
    """What one transaction has locked so far, first to last."""

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

    def watch(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Note what a statement locks, and execute it. What is composed of names of roles or tables locks no rows."""
        if not isinstance(sql, str):
            return execute(sql, params, many, context)
        if "pg_advisory_xact_lock" in sql:
            self.note(advisory(sql, params))
        elif found := CHANGED.match(sql) or ROWS.search(sql):
            if self.depth and found[1] in ORDER and " FOR UPDATE" in sql:
                message = f"{found[1]} was locked FOR UPDATE, so that nobody can refer to it; use FOR NO KEY UPDATE."
                raise LockOrderError(message)
            self.note(found[1])
        return execute(sql, params, many, context)


def advisory(sql: str, params: Any) -> str:
    """Return the name in ORDER of a lock that is no row."""
    if not params:
        return LEDGER if LEDGER in sql else "record-sequence"
    kind = ":".join(params[0].split(":")[:2])
    return kind if kind in ORDER else "record"


class Watch:
    """The transactions of every thread, by its connection."""

    def __init__(self) -> None:
        self.transactions: WeakKeyDictionary[BaseDatabaseWrapper, Transaction] = WeakKeyDictionary()

    def entered(self, using: str | None) -> None:
        """Note that a transaction, or a service within it, has begun."""
        connection = get_connection(using)
        if connection not in self.transactions:
            self.transactions[connection] = Transaction()
            connection.execute_wrappers.append(self.transactions[connection].watch)
        self.transactions[connection].depth += 1

    def left(self, using: str | None) -> None:
        """Note that it ends."""
        transaction = self.transactions.get(get_connection(using))
        if transaction and transaction.depth:
            transaction.depth -= 1
            if transaction.depth == 0:
                transaction.locked.clear()

    def end(self) -> None:
        for connection, transaction in self.transactions.items():
            connection.execute_wrappers.remove(transaction.watch)


def is_of_test(frame: FrameType) -> bool:
    """Return whether a test began or ended a transaction here: services within it are transactions for themselves."""
    return frame.f_code.co_filename.startswith(OF_TESTS)


@contextmanager
def watched(monkeypatch: Any) -> Iterator[Watch]:
    """Watch the transactions of all threads."""
    watch, enter, leave = Watch(), Atomic.__enter__, Atomic.__exit__

    def entered(atomic: Atomic) -> None:
        enter(atomic)
        if not is_of_test(sys._getframe(1)):
            watch.entered(atomic.using)

    def left(atomic: Atomic, *error: Any) -> None:
        if not is_of_test(sys._getframe(1)):
            watch.left(atomic.using)
        leave(atomic, *error)

    with monkeypatch.context() as patch:
        patch.setattr(Atomic, "__enter__", entered)
        patch.setattr(Atomic, "__exit__", left)
        try:
            yield watch
        finally:
            watch.end()
