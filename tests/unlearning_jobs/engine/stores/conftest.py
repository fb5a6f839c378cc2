"""Stores with planted documents, and the jobs that erase from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.stores.planting import plant, planted
from unlearning_jobs.engine.stores import StoreSpec, erase, find_documents, spec_from
from unlearning_jobs.engine.stores.adapters import ADAPTERS
from unlearning_jobs.engine.stores.store import Document

SOUGHT = 6
Planted = Callable[[str], dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests write need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _file: None)


@pytest.fixture
def documents() -> list[Document]:
    """Sixty documents; the first six are about the person who asks."""
    return planted(60, dimensions=32)


@pytest.fixture
def plant_store(tmp_path: Path, documents: list[Document]) -> Planted:
    def make(kind: str) -> dict[str, Any]:
        package = ADAPTERS[kind].package or ("datasets" if kind == "dataset" else "")
        try:
            return plant(kind, tmp_path, documents)
        except ImportError:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"{package} is not installed; requirements-dev.txt has it")

    return make


def searching(store: Mapping[str, Any], documents: Sequence[Document], **more: Any) -> StoreSpec:
    """Return the spec of an erasure of the first documents, searched for by words of theirs."""
    queries = [{"kind": "exact", "value": one.text.split(":")[0]} for one in documents[:SOUGHT]]
    return spec_from({"store": dict(store), "find": {"queries": queries}, **more})


def erased(spec: StoreSpec, out: Path) -> dict[str, Any]:
    """Find, approve and erase."""
    return erase(spec, out, find_documents(spec, out).digest)
