"""Operators register data stores and retire them; the record has digests of what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import entries_of
from tests.stores import documents, store
from unlearning_jobs.models import DataStore
from unlearning_jobs.services.stores import store_register, store_retire

pytestmark = pytest.mark.django_db


def told(name: str = "letters") -> list[tuple[str, dict[str, object]]]:
    return [(entry.kind, dict(entry.data)) for entry in entries_of(subject=f"store:{name}")]


def postgres(dsn: str) -> dict[str, object]:
    return {"store": {"kind": "pgvector", "dsn": dsn, "table": "documents", "key": "id", "text": "body"}}


def test_a_store_is_registered_by_a_digest_and_the_record_says_no_path(tmp_path: Path) -> None:
    row = store(documents(tmp_path / "ada"))
    assert told() == [("store.registered", {"store_sha256": row.digest})]
    assert not any(b"/ada" in bytes(entry.body) for entry in RecordEntry.objects.all())


def test_the_same_description_is_the_same_store_and_is_recorded_once(tmp_path: Path) -> None:
    folder = documents(tmp_path / "letters")
    assert store(folder) == store(folder)
    assert len(told()) == 1


def test_another_description_is_the_same_store_described_anew(tmp_path: Path) -> None:
    first = store(documents(tmp_path / "old"))
    second = store(documents(tmp_path / "new"))
    assert (first.pk, first.registered_at) == (second.pk, second.registered_at)
    assert [data["store_sha256"] for _kind, data in told()] == [first.digest, second.digest]
    assert DataStore.objects.get().description["store"]["path"].endswith("new")


def test_a_retired_store_stays_retired(tmp_path: Path) -> None:
    row = store(documents(tmp_path / "letters"))
    store_retire(store=row)
    with pytest.raises(StaleStateError, match="retired already"):
        store_retire(store=row)
    with pytest.raises(StaleStateError, match="Choose another name"):
        store(tmp_path / "letters")
    assert [kind for kind, _data in told()] == ["store.registered", "store.retired"]


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://lethe:hunter2@db/letters",
        "host=db user=lethe password=hunter2",
        "host=db password = 'hunter2'",
        "postgresql://db/letters?password=hunter2",
        "postgresql://db/letters?sslpassword=hunter2",
    ],
)
def test_a_description_with_a_password_is_refused_and_not_quoted(dsn: str) -> None:
    with pytest.raises(ValidationError) as refused:
        store_register(name="letters", description=postgres(dsn))
    assert "pgpass" in refused.value.messages[0]
    assert "hunter2" not in str(refused.value)
    assert not DataStore.objects.exists()


def test_an_address_without_a_password_is_fine() -> None:
    assert store_register(name="letters", description=postgres("host=db user=lethe dbname=letters")).kind == "pgvector"


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"store": {"kind": "shoebox", "path": "/srv"}},
        {"store": {"kind": "folder"}},
        {"store": {"kind": "folder", "path": "/srv", "secret": "x"}},
        {"store": {"kind": "folder", "path": "/srv"}, "find": {"keys": ["a"]}},
        {"store": {"kind": "folder", "path": "/srv"}, "caches": "/srv/cache"},
        {"store": {"kind": "folder", "path": "/srv"}, "model": 3},
    ],
)
def test_what_describes_no_store_is_refused(description: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        store_register(name="letters", description=description)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        store(documents(tmp_path / "letters"), "letters of Ada")


@pytest.mark.parametrize("change", [{"name": "other"}, {"digest": "no digest"}, {"description": postgres("password=x")}])
def test_the_database_refuses_what_the_services_would_not_do(tmp_path: Path, change: dict[str, object]) -> None:
    row = store(documents(tmp_path / "letters"))
    with pytest.raises(DatabaseError), transaction.atomic():
        DataStore.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


def test_the_database_lets_no_retired_store_come_back(tmp_path: Path) -> None:
    row = store_retire(store=store(documents(tmp_path / "letters")))
    with pytest.raises(DatabaseError), transaction.atomic():
        DataStore.objects.filter(pk=row.pk).update(retired_at=None)
