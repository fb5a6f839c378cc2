"""Runs a command of Django, and says what to do if the database has not the tables of this version."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.core.management import execute_from_command_line
from django.db import DatabaseError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

MIGRATE_FIRST = "The database has not all tables of this version: run `python manage.py migrate` first."


def command_run(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        SystemExit: it failed, because migrations have not been applied, or for a reason that it has said.
    """
    try:
        execute_from_command_line(list(argv))
    except ProgrammingError:
        if not _lacks_migrations():
            raise
        sys.exit(MIGRATE_FIRST)


def _lacks_migrations() -> bool:
    try:
        connection.close()  # in the middle of a failed transaction, it answers nothing
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return False
