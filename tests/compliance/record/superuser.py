"""What a database superuser can do to the record: every trigger that refuses it is off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from compliance.formats.merkle import leaf_hash, nodes_completed_by
from compliance.record.models import RecordEntry, RecordLeaf, RecordNode, SignedCheckpoint
from compliance.record.services import node_hash_stored

TABLES = [model._meta.db_table for model in (RecordEntry, RecordLeaf, RecordNode, SignedCheckpoint)]


@contextmanager
def superuser(*tables: str) -> Iterator[None]:
    """Turn off the triggers that refuse changes to `tables`, by default to those of the record."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgenabled = 'A' AND NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)",
            [list(tables or TABLES)],
        )
        refusing = cursor.fetchall()
        for table, trigger in refusing:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, trigger in refusing:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def tree_rebuild() -> None:
    """Store the hashes that the entries have now, so that every proof fits."""
    RecordNode.objects.all().delete()
    for leaf in RecordLeaf.objects.select_related("entry").order_by("index"):
        for level, index, digest in nodes_completed_by(leaf.index, leaf_hash(bytes(leaf.entry.body)), node_hash_stored):
            RecordNode.objects.create(level=level, index=index, hash=digest)


def entry_rewrite(index: int) -> None:
    entry = RecordLeaf.objects.get(index=index).entry
    RecordEntry.objects.filter(pk=entry.pk).update(body=bytes(entry.body).replace(b'"version":', b'"version":9'))


def leaves_swap(first: int, second: int) -> None:
    entries = [RecordLeaf.objects.get(index=index).entry_id for index in (first, second)]
    RecordLeaf.objects.filter(index__in=(first, second)).delete()
    RecordLeaf.objects.create(index=first, entry_id=entries[1])
    RecordLeaf.objects.create(index=second, entry_id=entries[0])


def log_roll_back(size: int) -> None:
    """Leave the database as a backup from when the log had `size` entries would."""
    later = RecordLeaf.objects.filter(index__gte=size)
    entries = list(later.values_list("entry_id", flat=True))
    later.delete()
    RecordEntry.objects.filter(pk__in=entries).delete()
    SignedCheckpoint.objects.filter(size__gt=size).delete()
    tree_rebuild()
