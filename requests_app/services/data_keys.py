"""Encrypt again what is stored under older keys, so that a key of DATA_KEYS can be retired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models, transaction

from compliance.encryption import EncryptedTextField, decrypt, encrypt, key_id_of, newest_key_id
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import DatabaseRoleError
from compliance.record.services import SYSTEM, record_append
from requests_app.models import UnsentAnswers

SUBJECT = "keys:data"
BATCH = 200
ROWS_ARE_FIXED = {
    "requests_app_ending": "ending_decided_is_fixed",
    "requests_app_item": "item_reasons_are_fixed",
    "requests_app_erasurerequest": "request_extension_reasons_are_fixed",
}
"""Triggers that refuse every change of a row, by table: the other ones do not look at encrypted columns."""


@dataclass(frozen=True)
class Reencryption:
    """What a run did."""

    key: str
    """Id of the newest key, under which everything stands now."""
    retired: tuple[str, ...]
    """Ids of the keys that something stood under."""
    values: int


def data_reencrypt() -> Reencryption:
    """Encrypt everything under the newest of DATA_KEYS, and record it.

    It commits batch by batch. A run that was interrupted is finished by calling this again: what stands under the newest key
    is not touched. Texts do not change, nor what the record says about them.

    Raises:
        DatabaseRoleError: the role that connects does not own the tables; nothing is changed.
        DecryptionError: a value cannot be decrypted, because its key is not in DATA_KEYS or it was changed. Earlier batches
            stay as they are.
    """
    _require_owner()
    newest, found = newest_key_id(), dict[str, int]()
    # 1. Batch by batch, table by table, until nothing stands under another key.
    for model, columns in _encrypted_columns().items():
        while batch := _reencrypt_batch(model, columns, newest):
            for key_id, count in batch.items():
                found[key_id] = found.get(key_id, 0) + count
    # 2. Record it.
    done = Reencryption(newest, tuple(sorted(found)), sum(found.values()))
    data = {"key": done.key, "retired": list(done.retired), "values": done.values}
    record_append(subject=SUBJECT, kind=RecordKind.DATA_REENCRYPTED, actor=SYSTEM, data=data)
    return done


def _require_owner() -> None:
    """Raise DatabaseRoleError unless the current role may lift the triggers of the tables whose rows are fixed."""
    owns = (
        "SELECT bool_and(pg_has_role(current_user, relowner, 'USAGE')), current_user FROM pg_class WHERE relname = ANY(%s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(owns, [list(ROWS_ARE_FIXED)])
        is_owner, role = cursor.fetchone()
    if is_owner is False:  # and None without the tables, which the first reader of one says
        message = (
            f"This command connects to the database as {role}, which does not own the tables. Run it with the DATABASE_URL"
            " of their owner, the one that `migrate` runs with. Nothing was changed."
        )
        raise DatabaseRoleError(message)


def _encrypted_columns() -> Mapping[type[models.Model], Mapping[str, str]]:
    """Return the encrypted columns of each table, each with the name that is authenticated with its values."""
    columns: dict[type[models.Model], dict[str, str]] = {UnsentAnswers: {"sealed": UnsentAnswers.SEALED_AS}}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedTextField):
                columns.setdefault(model, {})[field.attname] = field.column_name
    return columns


@transaction.atomic
def _reencrypt_batch(model: type[models.Model], columns: Mapping[str, str], newest: str) -> dict[str, int]:
    """Encrypt the next rows again; return how many values stood under which key, nothing once there are none."""
    table, key, found = model._meta.db_table, model._meta.pk.column, dict[str, int]()
    names = ", ".join(columns)
    # Every value begins with the length of its key's id and the id.
    old = " OR ".join(f"substring({name} FROM 2 FOR get_byte({name}, 0)) <> %s" for name in columns)
    query = f"SELECT {key}, {names} FROM {table} WHERE {old} ORDER BY {key} LIMIT {BATCH} FOR NO KEY UPDATE"  # noqa: S608  # names of our own tables
    with connection.cursor() as cursor:
        cursor.execute(query, [newest.encode()] * len(columns))
        rows = cursor.fetchall()
        with _unfixed(table):
            for pk, *values in rows:
                again = {
                    name: encrypt(decrypt(bytes(value), label), label)
                    for (name, label), value in zip(columns.items(), values, strict=True)
                }
                sets = ", ".join(f"{name} = %s" for name in again)
                cursor.execute(f"UPDATE {table} SET {sets} WHERE {key} = %s", [*again.values(), pk])  # noqa: S608  # names of our own tables
                for value in values:
                    if (key_id := key_id_of(bytes(value))) != newest:
                        found[key_id] = found.get(key_id, 0) + 1
    return found


@contextmanager
def _unfixed(table: str) -> Iterator[None]:
    """Let this transaction write rows that are fixed: their texts stay the same. Needs the owner of the table."""
    trigger = ROWS_ARE_FIXED.get(table)
    with connection.cursor() as cursor:
        if trigger:
            # PostgreSQL alters no table while checks of it are still to come in this transaction.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        if trigger:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
