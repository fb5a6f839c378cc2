from __future__ import annotations

from pathlib import Path

import pytest

from .signed_log import NEW, OLD, append, signed_size


@pytest.fixture
def keys(signing: Path) -> Path:
    """A log of twelve entries, signed at eight and at twelve. The first entry publishes the keys."""
    append(OLD - 1)
    assert signed_size() == OLD
    append(NEW - OLD)
    assert signed_size() == NEW
    return signing
