"""Files that do not fit in memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlearning_jobs.engine.corpora import snapshot_create

MIB = 1 << 20
ROWS = [{"text": f"{number} " + "word " * 600, "author": f"Nobody {number}"} for number in range(2_500)]
"""About 7 MB."""


def as_lines(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def as_array(path: Path) -> Path:
    path.write_text(json.dumps(ROWS))
    return path


def as_parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def as_npz(path: Path) -> Path:
    np.savez(path, x=np.ones((2_500, 800), dtype=np.float32), y=np.arange(2_500) % 7)
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(as_lines, "a.jsonl"), (as_array, "a.json"), (as_parquet, "a.parquet"), (as_npz, "a.npz")]
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, write: Callable[[Path], Path], name: str) -> None:
    source = write(tmp_path / name)
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        snapshot_create([source], tmp_path / "s")
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
        assert pa.total_allocated_bytes() - before < 6 * MIB
    finally:
        tracemalloc.stop()
