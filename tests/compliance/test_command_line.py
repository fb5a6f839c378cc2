"""Commands on a database that nobody has migrated."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from django.db import ProgrammingError, connection

from compliance import command_line
from compliance.command_line import command_run


@pytest.fixture
def empty(db: None) -> Iterator[str]:  # noqa: ARG001  # the server
    """The address of a database without tables."""
    about, name = connection.get_connection_params(), f"empty_{uuid4().hex[:8]}"
    server = psycopg2.connect(**about)
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute("SELECT current_setting('unix_socket_directories')")
        [folder] = cursor.fetchone()
        yield f"postgresql://{about['user']}@/{name}?host={about.get('host') or folder}"
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


@pytest.mark.parametrize("command", ["corpus_register a manage.py", "corpus_index", "data_keys_rotate", "ledger_replay"])
def test_a_command_on_a_database_without_tables_says_to_migrate_first(empty: str, command: str) -> None:
    environment = os.environ | {"DATABASE_URL": empty, "LETHE_ENV": "local"}
    ran = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(command_line.__file__).parents[1],
        env=environment,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == command_line.MIGRATE_FIRST
    assert "Traceback" not in ran.stderr


@pytest.mark.django_db
def test_another_error_of_the_database_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_argv: list[str]) -> None:
        raise ProgrammingError

    monkeypatch.setattr(command_line, "execute_from_command_line", fail)
    monkeypatch.setattr(connection, "close", lambda: None)
    with pytest.raises(ProgrammingError):
        command_run(["manage.py", "corpus_index"])
