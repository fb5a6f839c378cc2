"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation
from pytest_django import Settings

from tests.personas import Staff


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run whole installations first, then the engine, then the rest: with short files last, the workers end together."""
    items.sort(key=lambda item: (item.get_closest_marker("stack") is None, "/engine/" not in item.nodeid))


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A page that was asked for in German leaves the thread in German, and the next test with it."""
    with translation.override("en"):
        yield


@pytest.fixture
def artefacts(settings: Settings, tmp_path: Path) -> Path:
    """A folder of its own for corpora, models and outputs."""
    settings.ARTEFACTS = tmp_path / "artefacts"
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
