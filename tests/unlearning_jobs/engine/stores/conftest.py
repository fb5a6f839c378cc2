"""Stores with planted documents, and the jobs that erase from them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from benchmarks.stores.planting import plant, planted
from unlearning_jobs.engine.stores import StoreSpec, erase, find_documents, spec_from
from unlearning_jobs.engine.stores.adapters import ADAPTERS
from unlearning_jobs.engine.stores.store import Document

SOUGHT = 6
Planted = Callable[[str], dict[str, Any]]
DATABASE = os.environ["DATABASE_URL"]


@pytest.fixture(autouse=True)
def _the_tests_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation of another test may have taken the address out of this process's environment."""
    monkeypatch.setenv("DATABASE_URL", DATABASE)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests write need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _file: None)


@pytest.fixture
def documents() -> list[Document]:
    """Sixty documents; the first six are about the person who asks."""
    return planted(60, dimensions=32)


@pytest.fixture
def plant_store(tmp_path: Path, documents: list[Document]) -> Iterator[Planted]:
    with ExitStack() as until_the_end:

        def make(kind: str) -> dict[str, Any]:
            if kind == "pgvector":
                until_the_end.enter_context(_alone_on_the_server())
            return _planted(kind, tmp_path, documents)

        yield make


COMPILED = {"hnswlib"}
"""Packages that come as source alone, so that not every machine has them."""


@contextmanager
def _alone_on_the_server() -> Iterator[None]:
    """Wait for tests in other processes that plant the same documents: they would be found in the server's log.

    It asks again and again: a query that waits has a snapshot, and VACUUM keeps whatever some snapshot may still see.
    """
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(20261129)")
            if cursor.fetchone()[0]:  # type: ignore[index]  # it answers with one row
                break
            time.sleep(0.1)
        yield


def _planted(kind: str, folder: Path, documents: list[Document]) -> dict[str, Any]:
    package = ADAPTERS[kind].package or ("datasets" if kind == "dataset" else "")
    try:
        return plant(kind, folder, documents)
    except ImportError:
        if os.environ.get("CI") == "true" and package not in COMPILED:
            raise
        pytest.skip(f"{package} is not installed; requirements-stores.txt says how to get it")


def searching(store: Mapping[str, Any], documents: Sequence[Document], **more: Any) -> StoreSpec:
    """Return the spec of an erasure of the first documents, searched for by words of theirs."""
    queries = [{"kind": "exact", "value": one.text.split(":")[0]} for one in documents[:SOUGHT]]
    return spec_from({"store": dict(store), "find": {"queries": queries}, **more})


def erased(spec: StoreSpec, out: Path) -> dict[str, Any]:
    """Find, approve and erase."""
    return erase(spec, out, find_documents(spec, out).digest)
