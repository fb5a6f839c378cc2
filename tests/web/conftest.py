from __future__ import annotations

import pytest

from .pages import Site


@pytest.fixture
def site() -> Site:
    """A visitor who checks every page."""
    return Site()
