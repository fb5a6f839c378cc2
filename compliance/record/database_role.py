"""What the database lets the application's own role do: it owns nothing, and may only read and add to the record."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from .errors import DatabaseRoleError

# Row triggers that fire before every UPDATE and DELETE, whatever it changes: 1 + 2 + 8 + 16 in tgtype (pg_trigger.h).
APPEND_ONLY = """
SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgtype & 31 = 27 AND tgqual IS NULL AND NOT tgisinternal AND relnamespace = current_schema::regnamespace
ORDER BY relname
"""
ACTS_AS_AN_OWNER = """
SELECT EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = current_schema::regnamespace
               AND pg_has_role(%s, relowner, 'MEMBER'))
"""
GRANT = """
ALTER ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN;
REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {role};
REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role};
REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role};
GRANT CONNECT ON DATABASE {database} TO {role};
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
REVOKE UPDATE, DELETE ON {append_only} FROM {role};
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role};
"""


@transaction.atomic
def database_role_grant(*, name: str, password: str = "") -> list[str]:
    """Create the role `name` unless it exists, and let it do what the application does; return the append-only tables.

    Temporary tables go too: one with the name of a table that a trigger looks at would be looked at instead.

    Args:
        name: of the role that the application will connect as.
        password: its new password; empty leaves the one that it has.

    Raises:
        DatabaseRoleError: the role owns tables, or may act as one that does, so that it could turn triggers off.
    """
    with connection.cursor() as cursor:
        # 1. The role.
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        if password:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
            cursor.execute(change)
        # 2. What it may do: what is append-only follows from the triggers.
        _refuse_owner(cursor, name)
        cursor.execute(APPEND_ONLY)
        append_only = [table for (table,) in cursor.fetchall()]
        cursor.execute("SELECT current_database(), current_schema()")
        database, schema = cursor.fetchone()
        names = {"role": name, "database": database, "schema": schema}
        tables = sql.SQL(", ").join(sql.Identifier(table) for table in append_only)
        grant = sql.SQL(GRANT).format(append_only=tables, **{key: sql.Identifier(one) for key, one in names.items()})
        cursor.execute(grant)
    return append_only


def _refuse_owner(cursor: CursorWrapper, name: str) -> None:
    cursor.execute(ACTS_AS_AN_OWNER, [name])
    if cursor.fetchone() != (False,):
        message = f"The role {name} owns tables, or may act as a role that does. Choose another name."
        raise DatabaseRoleError(message)
