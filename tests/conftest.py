"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker, Settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.lock_order import watched
from tests.personas import Staff
from tests.queues import queues  # noqa: F401  # a fixture
from unlearning_jobs.engine.matching.self_test import self_test

# A busy machine makes any single case slow: tests don't time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run whole installations first, then the engine, then the rest: with short files last, the workers end together."""
    items.sort(key=lambda item: (item.get_closest_marker("stack") is None, "/engine/" not in item.nodeid))


class OneInstallation(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Gives a test process a file at a time, and all files that need a whole installation to the same process."""

    def _split_scope(self, nodeid: str) -> str:
        folder = "tests/end_to_end/"
        return folder if nodeid.startswith(folder) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneInstallation:
    """Start one installation, not one for each test process."""
    return OneInstallation(config, log)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A page that was asked for in German leaves the thread in German, and the next test with it."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def locks_in_order(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does, its transactions lock in the one order."""
    with watched(monkeypatch):
        yield


@pytest.fixture(autouse=True, scope="session")
def one_self_test() -> Iterator[None]:
    """Keeps what a search finds of its own words: that takes a second, and hundreds of cases search for the same name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("requests_app.search_runner.self_test", cache(self_test))
        yield


@pytest.fixture
def artefacts(settings: Settings, tmp_path: Path) -> Path:
    """A folder of its own for corpora, models and outputs, and others for the ledger's second copy and for gateways."""
    settings.ARTEFACTS = tmp_path / "artefacts"
    settings.LEDGER_FILE = tmp_path / "ledger" / "entries.jsonl"
    settings.GATEWAY_FOLDER = tmp_path / "gateway"
    return tmp_path / "artefacts"


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Makes this process the signing process, with keys of its own."""
    monkeypatch.setenv("SIGNING_KEYS_DIR", str(tmp_path / "keys"))
    return tmp_path / "keys"


@pytest.fixture
def staff(db: None) -> Staff:  # noqa: ARG001  # the accounts need the database
    """Everybody with an account."""
    return Staff.hired()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,  # noqa: ARG001  # its settings must hold
    django_db_modify_db_settings: None,  # noqa: ARG001  # each test process has a database of its own name
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Makes the test database whichever tests run.

    pytest-django's own makes none for tests of `committed_database` alone, which would empty the database beside it.
    """
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committed_database(
    django_db_setup: None,  # noqa: ARG001  # the database must be there
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """A database whose commits other threads and processes see. It is emptied afterwards.

    pytest-django's own (`transaction=True`) cannot empty the tables of the record, which refuse it.
    """
    with django_db_blocker.unblock():
        yield
        with transaction.atomic(), connection.cursor() as cursor:
            kept = {"django_migrations", "django_content_type", "auth_permission"}
            tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - kept
            # 32 is the bit of TRUNCATE in tgtype (PostgreSQL's pg_trigger.h).
            cursor.execute(
                "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgtype & 32 <> 0 AND NOT tgisinternal"
            )
            refusing = cursor.fetchall()
            for table, trigger in refusing:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
            cursor.execute(f"TRUNCATE {', '.join(sorted(tables))} RESTART IDENTITY CASCADE")
            for table, trigger in refusing:
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
