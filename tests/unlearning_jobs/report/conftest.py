"""A case with a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.personas import Staff
from tests.staging import Stage, corpus, trained


@pytest.fixture
def finished(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    """A case whose first attempt has been evaluated."""
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.evaluated()
    return stage
