"""Readers by the ending of a file. Each yields rows with their numbers, and holds no more than a few of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .arrays import npy, npz
from .columnar import arrow, parquet
from .fields import Broken, Fields, Picture, Reader, SourceFile, unreadable
from .lines import json_file, json_lines, plain_text
from .pictures import PictureError, decode, picture_file
from .streams import COMPRESSED
from .tables import table
from .webdataset import webdataset

__all__ = [
    "COMPRESSED",
    "PICTURES",
    "READERS",
    "STREAMED",
    "TEXTS",
    "TITLES",
    "Broken",
    "Fields",
    "Picture",
    "PictureError",
    "SourceFile",
    "decode",
    "unreadable",
]

READERS: Final[Mapping[str, Reader]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_file,
    ".csv": table,
    ".tsv": table,
    ".txt": plain_text,
    ".md": plain_text,
    ".parquet": parquet,
    ".arrow": arrow,
    ".npz": npz,
    ".npy": npy,
    ".tar": webdataset,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"), picture_file),
}
PICTURES: Final = frozenset(ending for ending, reader in READERS.items() if reader is picture_file)
TEXTS: Final = frozenset({".txt", ".md"})
STREAMED: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md", ".tar")
"""Formats that may be compressed."""
TITLES: Final[Mapping[str, str]] = {
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".json": "JSON",
    ".csv": "CSV",
    ".tsv": "TSV",
    ".txt": "plain text",
    ".md": "plain text",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    ".npz": "NPZ",
    ".npy": "NPY",
    ".tar": "WebDataset",
    **dict.fromkeys(PICTURES, "pictures"),
}
