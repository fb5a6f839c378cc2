"""Random secrets of a local installation, created once and kept under var/."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def local_secret(var: Path, name: str) -> str:
    """Return 64 hex digits from `var/secrets/<name>`; created on first use, readable by the owner alone."""
    path = var / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may start at once. A link fails if the name exists, so the first one decides and both read its file.
    if not path.exists():
        draft = path.with_name(f".{name}.{os.getpid()}")
        draft.touch(mode=0o600)  # private before it contains anything
        draft.write_text(secrets.token_hex(32), encoding="ascii")
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="ascii")
