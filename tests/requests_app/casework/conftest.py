from __future__ import annotations

from pathlib import Path

import pytest

from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, signed_in


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    """Ada's request, submitted, beside one active model."""
    return Stage.opened(staff, trained(corpus()))


@pytest.fixture
def omar(stage: Stage) -> Site:
    return signed_in(stage.staff.omar)


@pytest.fixture
def lena(stage: Stage) -> Site:
    return signed_in(stage.staff.lena)


@pytest.fixture
def nils(stage: Stage) -> Site:
    return signed_in(stage.staff.nils)
