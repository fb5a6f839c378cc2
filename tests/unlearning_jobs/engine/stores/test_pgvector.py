"""A table of PostgreSQL: who may do what, and that the server is as before."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from unlearning_jobs.engine.stores import StoreError
from unlearning_jobs.engine.stores.adapters import open_store
from unlearning_jobs.engine.stores.erasure import opened
from unlearning_jobs.engine.stores.store import Document

from .conftest import Planted, erased, searching


def test_a_database_that_is_offline_is_said_without_its_password() -> None:
    settings = {"kind": "pgvector", "dsn": "postgresql://u:geheim@127.0.0.1:1/x", "table": "t", "key": "id", "text": "body"}
    with pytest.raises(StoreError) as refused:
        _open(settings)
    assert refused.value.code == "offline"
    assert "geheim" not in str(refused.value)


def test_a_table_that_another_connection_uses_is_refused(
    plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store("pgvector")
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.cursor().execute(f"SELECT count(*) FROM {settings['table']}")  # noqa: S608  # a name of ours
    with pytest.raises(StoreError) as refused:
        erased(searching(settings, documents), tmp_path / "job")
    connection.close()
    assert refused.value.code == "locked"


def test_a_transaction_that_may_still_see_what_was_deleted_is_waited_for(
    plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store("pgvector")
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.set_session(isolation_level="REPEATABLE READ")
    connection.cursor().execute("SELECT count(*) FROM pg_class")
    ends = threading.Timer(3, connection.close)
    ends.start()
    assert erased(searching(settings, documents), tmp_path / "job")["verdict"]["outcome"] == "passed"
    ends.join()


def test_a_read_only_connection_is_refused(plant_store: Planted, documents: list[Document], tmp_path: Path) -> None:
    settings = plant_store("pgvector")
    read_only = make_dsn(os.environ["DATABASE_URL"], options="-c default_transaction_read_only=on")
    with pytest.raises(StoreError) as refused:
        erased(searching(settings | {"dsn": read_only}, documents), tmp_path / "job")
    assert refused.value.code == "read_only"


def test_a_table_that_is_divided_into_others_is_refused(plant_store: Planted) -> None:
    settings = plant_store("pgvector")
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE lethe_divided (id text, body text) PARTITION BY LIST (id)")
    connection.close()
    try:
        _assert_refused(settings | {"table": "lethe_divided", "vector": "", "fields": []}, "not_supported")
        _assert_refused(settings | {"table": "lethe_nowhere"}, "wrong_path")
        _assert_refused(settings | {"key": "another"}, "wrong_path")
        _assert_refused(settings | {"key": "id; DROP TABLE x"}, "bad_spec")
    finally:
        with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE lethe_divided")
        connection.close()


def test_a_role_that_may_not_read_the_servers_files_gets_no_verdict_that_passed(
    plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store("pgvector")
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS lethe_limited")
        cursor.execute("CREATE ROLE lethe_limited LOGIN")
        cursor.execute(f"ALTER TABLE {settings['table']} OWNER TO lethe_limited")
        cursor.execute("GRANT CREATE ON SCHEMA public TO lethe_limited")
    connection.close()
    limited = settings | {"dsn": make_dsn(os.environ["DATABASE_URL"], user="lethe_limited")}
    try:
        result = erased(searching(limited, documents), tmp_path / "job")
    finally:
        with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute("DROP OWNED BY lethe_limited")
            cursor.execute("DROP ROLE lethe_limited")
        connection.close()
    assert result["verdict"]["outcome"] == "inconclusive"
    assert result["guarantee"] == "none"
    assert "write-ahead log could not be read" in result["verdict"]["sentences"]


def test_the_server_is_set_as_before_when_its_log_has_been_renewed(plant_store: Planted, documents: list[Document]) -> None:
    with opened(searching(plant_store("pgvector"), documents)) as store:
        store.rebuild()
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW wal_recycle")
        assert cursor.fetchone() == ("on",)
    connection.close()


def _open(settings: dict[str, Any]) -> Any:
    return open_store(settings["kind"], {name: value for name, value in settings.items() if name != "kind"})


def _assert_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(StoreError) as refused:
        _open(settings)
    assert refused.value.code == code
