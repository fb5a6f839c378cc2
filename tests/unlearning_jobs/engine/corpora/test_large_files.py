"""Files that do not fit in memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import string
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlearning_jobs.engine.corpora import snapshot_create

MIB = 1 << 20
LETTERS = np.frombuffer(string.ascii_letters.encode() + b"01234 .,;-:!", np.uint8)
ROWS = [
    {
        "text": f"{number} " + bytes(np.random.default_rng(number).choice(LETTERS, 3_000)).decode(),
        "author": f"Nobody {number}",
    }
    for number in range(2_500)
]
"""About 7 MB, which no compression makes much smaller."""


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


def as_table(path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def as_gzip(path: Path) -> Path:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
    return path


def as_zstd(path: Path) -> Path:
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        for row in ROWS:
            file.write(json.dumps(row).encode() + b"\n")
    return path


def as_arrow(path: Path) -> Path:
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return path


def as_stream(path: Path) -> Path:
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return path


def as_archive(path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        for number, row in enumerate(ROWS):
            member = tarfile.TarInfo(f"{number:05d}.txt")
            member.size = len(row["text"])
            archive.addfile(member, io.BytesIO(row["text"].encode()))
    return path


def as_paragraphs(path: Path) -> Path:
    path.write_text("\n\n".join(row["text"] for row in ROWS))
    return path


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (as_lines, "a.jsonl"),
        (as_array, "a.json"),
        (as_table, "a.csv"),
        (as_gzip, "a.jsonl.gz"),
        (as_zstd, "a.jsonl.zst"),
        (as_parquet, "a.parquet"),
        (as_arrow, "a.arrow"),
        (as_stream, "stream.arrow"),
        (as_archive, "a.tar"),
        (as_paragraphs, "a.txt"),
        (as_npz, "a.npz"),
    ],
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, write: Callable[[Path], Path], name: str) -> None:
    source = write(tmp_path / name)
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        assert snapshot_create([source], tmp_path / "s").examples == len(ROWS)
        assert tracemalloc.get_traced_memory()[1] < 6 * MIB
        assert pa.total_allocated_bytes() - before < 6 * MIB
    finally:
        tracemalloc.stop()
