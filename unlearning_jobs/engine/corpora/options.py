"""What the person who registers a corpus may say about how it is to be read; `docs/corpora.md` has the flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from unlearning_jobs.engine.errors import CorpusError

MAX_ROW_BYTES: Final = 1 << 20
LARGEST_ROW_BYTES: Final = 64 << 20
"""The most that the limit of a row may be raised to: a row is held in memory, and shown on a page."""
TextUnit = Literal["file", "paragraph", "line"]


@dataclass(frozen=True)
class ReadOptions:
    """How to read sources; each field is a flag of `corpus_register`."""

    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by role, where the table of known shapes does not fit."""
    split_column: str = ""
    """The column that names the set of a row; `split` if there is one."""
    splits: Mapping[str, str] = field(default_factory=dict)
    """Sets by further values of that column."""
    ignored: frozenset[str] = frozenset()
    """Columns that are left out."""
    encoding: str = "utf-8"
    delimiter: str = ""
    """Of tables as text; found in the header by default."""
    row_bytes: int = MAX_ROW_BYTES
    image_size: tuple[int, int] | None = None
    """Height and width that pictures are resized to."""
    greyscale: bool = False
    text_unit: TextUnit | None = None
    """What is one example in files of plain text: by default the file in a folder, and the paragraph in a single file."""
    only: str = ""
    """The ending of the files of a folder that are read."""
    follows_links: bool = False
    skips_broken: bool = False
    allows_missing: bool = False
    """Whether a folder may be registered of which files are missing."""

    def __post_init__(self) -> None:
        """Refuse what no file could be read with.

        Raises:
            CorpusError: the encoding is unknown, or the limit of a row is too small or too large.
        """
        try:
            "".encode(self.encoding)
        except LookupError:
            message = f"There is no encoding {self.encoding!r}; use a name such as latin-1, cp1252 or utf-16."
            raise CorpusError(message) from None
        if not 1 <= self.row_bytes <= LARGEST_ROW_BYTES:
            message = f"A row may have between 1 and {LARGEST_ROW_BYTES} bytes; choose another --row-bytes."
            raise CorpusError(message)
        if len(self.delimiter) > 1:
            message = "--delimiter takes one character."
            raise CorpusError(message)
