"""Where an erasure in a data store keeps its job while it lasts, and that nothing personal stays there afterwards.

No bundle and no page but that of the erasure reads it; it is its owner's alone.

    ARTEFACTS/store-erasures/ID/spec.json    what is looked for, while the engine runs
    ARTEFACTS/store-erasures/ID/job/         the engine's (`engine/stores/journal.py`)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from unlearning_jobs.engine.stores.files import shred

FOLDER: Final = "store-erasures"
PERSONAL: Final = ("spec.json", "job/sought.jsonl", "job/sought.draft")


def erasure_folder(pk: int) -> Path:
    """Return the folder of an erasure, be it there or not."""
    return Path(settings.ARTEFACTS) / FOLDER / str(pk)


def job_folder(pk: int) -> Path:
    """Return the folder of an erasure's engine."""
    return erasure_folder(pk) / "job"


@contextmanager
def spec_written(pk: int, spec: Mapping[str, Any]) -> Iterator[Path]:
    """Write a spec that nobody but its owner reads, and shred it afterwards."""
    folder = erasure_folder(pk)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "spec.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(spec, file)
    try:
        yield path
    finally:
        shred(path)


def folder_clear(pk: int) -> None:
    """Shred what an erasure that is over has left about people."""
    for name in PERSONAL:
        path = erasure_folder(pk) / name
        if path.exists():
            shred(path)


def folders_left() -> list[int]:
    """Return the keys of the erasures that have left something about people, be they over or not."""
    root = Path(settings.ARTEFACTS) / FOLDER
    folders = [one for one in root.glob("*") if one.name.isdecimal()] if root.is_dir() else []
    return [int(one.name) for one in folders if any((one / name).exists() for name in PERSONAL)]
