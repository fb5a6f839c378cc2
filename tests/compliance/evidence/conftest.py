"""Bundles that several tests read or damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .agreements.made import made
from .agreements.retold import Real
from .sample import SampleRequest, honest

MADE: list[Real] = []
"""The real bundle, once it is made: tests only read it."""


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


@pytest.fixture
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """A bundle made by the services, signed with real keys. Only the first test that asks for it uses the database."""
    if not MADE:
        for name in ("signing", "artefacts"):
            request.getfixturevalue(name)
        MADE.append(made(tmp_path_factory.mktemp("real") / "bundle"))
    return MADE[0]
