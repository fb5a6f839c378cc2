"""A table of PostgreSQL, with or without a column of pgvector's.

A deleted row stays in the table until a vacuum, in the write-ahead log until its segments are gone, and its values may
stand in the statistics. So the table is written anew, the statistics too, and segments of the log are removed instead of
used again. All files are read through the server, which need not be on this machine; the role needs the right to do so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import psycopg2
from psycopg2 import sql

from unlearning_jobs.engine.stores.store import CHUNK, Description, Document, Place, StoreError, Vector

from .old_snapshots import wait_for_older

OLDEST: Final = 120000
"""PostgreSQL 12 can remove segments of its log."""
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MOST_SEGMENTS: Final = 200
"""Of the write-ahead log that are gone through, so that what was used before is removed."""
ROUNDS: Final = 3
"""A checkpoint that began before the server heard of the setting still uses segments again."""
RELATIONS: Final = """
    SELECT 'table ' || relname, oid FROM pg_class WHERE oid = %(table)s
    UNION ALL SELECT 'index ' || c.relname, c.oid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = %(table)s
    UNION ALL SELECT 'toast of ' || relname, reltoastrelid FROM pg_class WHERE oid = %(table)s AND reltoastrelid <> 0
    UNION ALL SELECT 'statistics', 'pg_statistic'::regclass
    UNION ALL SELECT 'toast of statistics', reltoastrelid FROM pg_class WHERE oid = 'pg_statistic'::regclass
    ORDER BY 1"""
ORDINARY: Final = """
    SELECT relkind = 'r' AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = %(table)s)
    FROM pg_class WHERE oid = %(table)s"""
READ: Final = "SELECT pg_read_binary_file(%s, %s, %s, true)"


class PgvectorStore:
    """One table: a key, a text, and perhaps a vector and other columns."""

    def __init__(self, dsn: str, table: str, *, key: str, text: str, vector: str = "", fields: Sequence[str] = ()) -> None:
        names = [*table.split("."), key, text, *([vector] if vector else []), *fields]
        if not all(map(NAME.fullmatch, names)):
            message = "Names of tables and columns are made of letters, digits and underscores."
            raise StoreError(message, code="bad_spec")
        self._dsn, self._named = dsn, table
        self._table = sql.Identifier(*table.split("."))
        self._key, self._text, self._vector, self._fields = key, text, vector, tuple(fields)
        self._require_there([key, text, *([vector] if vector else []), *fields])

    def describe(self) -> Description:
        with self._cursor() as cursor:
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(self._table))
            count = cursor.fetchone()[0]
            cursor.execute("SHOW server_version")
            version = cursor.fetchone()[0].split()[0]
            extension = ""
            if self._vector:
                cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
                extension = f", pgvector {cursor.fetchone()[0]}"
        first = next(self.documents(), None) if self._vector else None
        dimensions = 0 if first is None or first.vector is None else len(first.vector)
        return Description(f"postgresql {version}{extension}", count, dimensions, searches=bool(self._vector))

    def documents(self) -> Iterator[Document]:
        with closing(self._connect()) as connection, connection.cursor("lethe_documents") as cursor:
            cursor.itersize = 500
            cursor.execute(self._select())
            yield from map(self._document, cursor)

    def get(self, keys: Sequence[str]) -> list[Document]:
        with self._cursor() as cursor:
            cursor.execute(self._select() + self._where(), {"keys": list(keys)})
            return [self._document(row) for row in cursor.fetchall()]

    def nearest(self, vector: Vector, most: int) -> list[str]:
        if not self._vector:
            return []
        query = sql.SQL("SELECT {key}::text FROM {table} ORDER BY {vector} <-> %s::vector LIMIT %s")
        with self._cursor() as cursor:
            cursor.execute(query.format(**self._parts()), (str(vector.tolist()), most))
            return [row[0] for row in cursor.fetchall()]

    def check_writable(self) -> None:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
                " OR NOT has_table_privilege(%s, 'DELETE')",
                (self._named,),
            )
            if cursor.fetchone()[0]:
                message = "The store is read-only: its server, or this role, does not allow to delete. Nothing was deleted."
                raise StoreError(message, code="read_only")
            try:
                cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(self._table))
            except psycopg2.errors.LockNotAvailable:
                message = "The table is in use by another connection. Nothing was deleted."
                raise StoreError(message, code="locked") from None

    def delete(self, keys: Collection[str]) -> None:
        with self._cursor() as cursor:
            cursor.execute(sql.SQL("DELETE FROM {table}").format(**self._parts()) + self._where(), {"keys": list(keys)})
            cursor.connection.commit()

    def rebuild(self) -> None:
        with self._cursor(autocommit=True) as cursor:
            wait_for_older(cursor)
            cursor.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(self._table))
            for statement in ("VACUUM (FULL) pg_statistic", "CHECKPOINT"):
                _if_allowed(cursor, statement)
            _renew_log(cursor)

    def places(self) -> list[Place]:
        with self._cursor() as cursor:
            cursor.execute(RELATIONS, {"table": self._oid(cursor)})
            relations = cursor.fetchall()
            logs = _listed(cursor, "SELECT 'pg_wal/' || name FROM pg_ls_waldir() ORDER BY 1")
            written = _listed(
                cursor, "SELECT current_setting('log_directory') || '/' || name FROM pg_ls_logdir() ORDER BY 1"
            )
        places = [Place(name, "store", partial(self._relation, oid)) for name, oid in relations]
        return [*places, *self._logs("write-ahead log", logs), *self._logs("server's log", written)]

    def close(self) -> None:
        """Nothing is held: each act has a connection of its own."""

    def _logs(self, name: str, files: Sequence[str] | None) -> list[Place]:
        if files is None:
            return [Place(name, "log", _refused)]
        return [Place(f"{name} {file.rsplit('/', 1)[-1]}", "log", partial(self._file, file)) for file in files]

    def _relation(self, oid: int) -> Iterator[bytes]:
        with self._cursor() as cursor:
            _if_allowed(cursor, "CHECKPOINT")  # what is in memory alone is on the disk then
            cursor.connection.rollback()
            cursor.execute("SELECT pg_relation_filepath(%s)", (oid,))
            path = cursor.fetchone()[0]
            yield from _read_file(cursor, path)
            number = 1
            while (chunk := _chunk(cursor, f"{path}.{number}", 0)) is not None:
                yield chunk
                yield from _read_file(cursor, f"{path}.{number}", len(chunk))
                number += 1

    def _file(self, path: str) -> Iterator[bytes]:
        with self._cursor() as cursor:
            yield from _read_file(cursor, path)

    def _require_there(self, columns: Sequence[str]) -> None:
        with self._cursor() as cursor:
            if cursor.connection.server_version < OLDEST:
                message = "The server is of another version: PostgreSQL 12 or newer is needed."
                raise StoreError(message, code="another_version")
            oid = self._oid(cursor)
            cursor.execute(ORDINARY, {"table": oid})
            if not cursor.fetchone()[0]:
                message = "The table is a view, is divided into others, or others inherit from it; name one ordinary table."
                raise StoreError(message, code="not_supported")
            cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0", (oid,))
            if not set(columns) <= {row[0] for row in cursor.fetchall()}:
                message = "The table lacks a column that the spec names."
                raise StoreError(message, code="wrong_path")

    def _oid(self, cursor: Any) -> int:
        cursor.execute("SELECT to_regclass(%s)::oid", (self._named,))
        if (oid := cursor.fetchone()[0]) is None:
            message = "The database has no table of this name; check the spec."
            raise StoreError(message, code="wrong_path")
        return int(oid)

    def _connect(self) -> Any:
        try:
            return psycopg2.connect(self._dsn)
        except psycopg2.Error:
            message = "The database cannot be reached, or refuses the log-in. Nothing was deleted."
            raise StoreError(message, code="offline") from None

    @contextmanager
    def _cursor(self, *, autocommit: bool = False) -> Iterator[Any]:
        with closing(self._connect()) as connection:
            connection.autocommit = autocommit
            with connection.cursor() as cursor:
                yield cursor

    def _parts(self) -> Mapping[str, sql.Composable]:
        names = {"key": self._key, "text": self._text, "vector": self._vector or self._key}
        return {"table": self._table, **{name: sql.Identifier(column) for name, column in names.items()}}

    def _select(self) -> sql.Composed:
        vector = sql.SQL("{vector}::real[]" if self._vector else "NULL").format(**self._parts())
        columns = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name in self._fields)
        return (
            sql.SQL("SELECT {key}::text, coalesce({text}, ''), ").format(**self._parts())
            + vector
            + columns
            + sql.SQL(" FROM {table}").format(**self._parts())
        )

    def _where(self) -> sql.Composed:
        return sql.SQL(" WHERE {key}::text = ANY(%(keys)s)").format(**self._parts())

    def _document(self, row: Sequence[Any]) -> Document:
        key, text, vector, *fields = row
        return Document(
            key,
            text,
            None if vector is None else np.asarray(vector, dtype=np.float32),
            {name: value for name, value in zip(self._fields, fields, strict=True) if value is not None},
        )


def _go_beyond(cursor: Any, last: str) -> None:
    """Begin new segments of the log until one is behind the last that there was: those may be old ones, used again."""
    for _ in range(MOST_SEGMENTS):
        cursor.execute("SELECT pg_logical_emit_message(true, 'lethe', ''), pg_switch_wal()")
        cursor.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")
        if cursor.fetchone()[0] > last:
            return


def _read_file(cursor: Any, path: str, offset: int = 0) -> Iterator[bytes]:
    """Yield a file of the server's from an offset on; nothing if it has been removed meanwhile."""
    while chunk := _chunk(cursor, path, offset):
        yield chunk
        offset += len(chunk)


def _chunk(cursor: Any, path: str, offset: int) -> bytes | None:
    """Return bytes of a file of the server's; None if there is no such file.

    Raises:
        StoreError: this role may not read it.
    """
    try:
        cursor.execute(READ, (path, offset, CHUNK))
    except psycopg2.Error:
        raise _not_allowed() from None
    found = cursor.fetchone()[0]
    return None if found is None else bytes(found)


def _renew_log(cursor: Any) -> None:
    """Go through the segments of the write-ahead log that hold anything from before, and have them removed."""
    cursor.execute("SELECT setting, sourcefile LIKE '%%postgresql.auto.conf' FROM pg_settings WHERE name = 'wal_recycle'")
    recycles, set_here = cursor.fetchone()
    if not _if_allowed(cursor, "ALTER SYSTEM SET wal_recycle = off"):
        return
    try:
        cursor.execute("SELECT pg_reload_conf(), pg_sleep(0.2)")
        for _ in range(ROUNDS):
            cursor.execute("SELECT max(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'")
            _go_beyond(cursor, cursor.fetchone()[0])
            cursor.execute("CHECKPOINT")
    finally:
        before = "SET wal_recycle = on" if set_here and recycles == "on" else "RESET wal_recycle" if recycles == "on" else ""
        if before:
            cursor.execute(f"ALTER SYSTEM {before}")
        cursor.execute("SELECT pg_reload_conf()")


def _if_allowed(cursor: Any, statement: str) -> bool:
    """Run a statement that needs rights which this role may not have; reading back then says what was left."""
    try:
        cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege:
        return False
    return True


def _listed(cursor: Any, query: str) -> list[str] | None:
    """Return names of files; None if this role may not know them, nothing if there is no such folder."""
    try:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]
    except psycopg2.errors.InsufficientPrivilege:
        cursor.connection.rollback()
        return None
    except psycopg2.errors.UndefinedFile:  # nothing is written there
        cursor.connection.rollback()
        return []
    except psycopg2.errors.WrongObjectType:  # the server was started with a file of this name as its output
        cursor.connection.rollback()
        cursor.execute("SELECT '/' || current_setting('log_directory')")
        return [cursor.fetchone()[0].removeprefix("/")]


def _not_allowed() -> StoreError:
    message = "The role may not read this file of the server."
    return StoreError(message)


def _refused() -> Iterator[bytes]:
    raise _not_allowed()
