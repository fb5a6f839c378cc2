"""Bundles that several tests read or damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .sample import SampleRequest, honest


@pytest.fixture(scope="session")
def honest_sample(tmp_path_factory: pytest.TempPathFactory) -> SampleRequest:
    """A complete, honest request; read only."""
    return honest(tmp_path_factory.mktemp("honest"))


@pytest.fixture(scope="session")
def honest_bundle(honest_sample: SampleRequest) -> Path:
    """Its bundle; read only."""
    return honest_sample.write()


@pytest.fixture
def bundle(honest_bundle: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(honest_bundle, tmp_path / "bundle"))
