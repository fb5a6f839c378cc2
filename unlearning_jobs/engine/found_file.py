"""The file to which a command writes what it found, as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from .errors import SpecError


def require_writable(out: Path | None) -> None:
    """Refuse a file to write to that cannot be written (SpecError), before the work that takes long."""
    if out and (out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK)):
        message = f"{out} cannot be written; name a file in a folder that is there."
        raise SpecError(message)


def write_found(out: Path, found: Mapping[str, object]) -> None:
    """Write what was found as JSON.

    Raises:
        SpecError: the file cannot be written.
    """
    try:
        out.write_text(json.dumps(found, indent=2), encoding="utf-8")
    except OSError as error:
        message = f"{out} cannot be written ({error.strerror}). What was found stands above."
        raise SpecError(message) from None
