"""Files as people have them, and what comes out of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from unlearning_jobs.engine.corpora import ReadOptions, SourceInfo, snapshot_survey
from unlearning_jobs.engine.corpora.reading import ReadRow, plan, read_all


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    return written(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read(path: Path, **options: Any) -> list[ReadRow]:
    """Every example of a source."""
    return list(read_all(plan([path], {}, ReadOptions(**options))))


def texts(path: Path, **options: Any) -> list[tuple[str, str]]:
    """Prompt and completion of every example."""
    return [(found.row.prompt, found.row.completion) for found in read(path, **options)]


def report(path: Path, **options: Any) -> SourceInfo:
    """What the report says of a source."""
    return snapshot_survey([path], options=ReadOptions(**options)).sources[0]
