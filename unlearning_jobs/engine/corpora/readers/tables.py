"""Reads tables as text. Where a quote makes it doubtful which rows there are, each line is one that cannot be read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final, TextIO

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import Broken, Row, SourceFile, unreadable
from .streams import not_text, open_text

DELIMITERS: Final = ",;\t|"
LONGEST_TABLE_ROW: Final = 4
"""In limits of a row: quotes and the cells together may take more than one."""
TWO: Final = 2
"""Columns of a table in which a line of prose with one comma might be a row."""


def table(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield the rows of a table as text. The delimiter is the one that cuts the header into most columns."""
    csv.field_size_limit(options.row_bytes)
    try:
        with open_text(file, options, newline="") as stream:
            yield from _rows(stream, file, options)
    except UnicodeDecodeError:
        raise not_text(file, options) from None


def _rows(stream: TextIO, file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    before, header = _header(stream, file, options)
    delimiter = options.delimiter or ("\t" if file.kind == ".tsv" else _delimiter(header))
    names = _names(next(csv.reader([header], delimiter=delimiter), []))
    lines = _Lines(stream, file, options, before=before, delimiter=delimiter, columns=len(names))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield from lines.broken(f"not readable as a table ({error})")
            continue
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(names):
            yield from lines.broken(
                f"not as many cells as in the header ({len(cells)} instead of {len(names)}; see --delimiter)"
            )
        elif lines.look_like_rows:
            yield from lines.broken("a quote makes one cell of what looks like rows; close it, or write JSON lines")
        else:
            yield lines.number, dict(zip(names, cells, strict=True))


class _Lines:
    """The lines of a table, one at a time, and what is known of those that were read for one row."""

    def __init__(
        self, stream: TextIO, file: SourceFile, options: ReadOptions, *, before: int, delimiter: str, columns: int
    ) -> None:
        self._stream, self._file, self._longest = stream, file, LONGEST_TABLE_ROW * options.row_bytes
        self._delimiter, self._columns = delimiter, columns
        self.number = before
        """Of the line that was read last, from 1."""
        self.begin()

    def begin(self) -> None:
        """Begin another row."""
        self._before, self._filled, self._alike = self.number, 0, 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._longest)
        if not line:
            raise StopIteration
        if not line.endswith("\n") and len(line) == self._longest:
            raise unreadable(self._file, f"a line is longer than {len(line)} characters; raise the limit with --row-bytes.")
        self.number += 1
        self._filled += not line.isspace()
        self._alike += is_like_a_row(line, self._delimiter, self._columns)
        return line

    @property
    def look_like_rows(self) -> bool:
        """Whether most of several lines that became one row would be rows of their own."""
        return self.number - self._before > 1 and 2 * self._alike > self._filled

    def broken(self, reason: str) -> Iterator[Row]:
        """Yield each line of the row as one that cannot be read: which rows there are, nothing says."""
        first = self._before + 1
        if self.number > first:
            reason += f"; from line {first} to {self.number}, nothing tells rows apart"
        for number in range(first, max(self.number, first) + 1):
            yield number, Broken(reason)


def is_like_a_row(line: str, delimiter: str, columns: int) -> bool:
    """Return whether a line has as many cells as the header, quotes aside, and is no prose with as many commas."""
    cells = line.rstrip("\r\n").split(delimiter)
    if len(cells) != columns or columns < TWO:
        return False
    return not any(cell.startswith(" ") or (columns == TWO and not cell) for cell in cells[1:])


def _header(stream: TextIO, file: SourceFile, options: ReadOptions) -> tuple[int, str]:
    """Return the number of the header's last line, and the header; its cells may hold line breaks between quotes."""
    number, header = 0, ""
    while line := stream.readline(options.row_bytes):
        number += 1
        header += line if header or not line.isspace() else ""
        if header and not _is_open(header):
            return number, header
        if len(header) > options.row_bytes:
            break
    if header:
        raise unreadable(file, "the header opens a quote that does not close; correct the file.")
    return number, header


def _is_open(header: str) -> bool:
    begins = header.startswith('"') or any(f'{delimiter}"' in header for delimiter in DELIMITERS)
    return begins and header.count('"') % 2 == 1


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=lambda character: len(next(csv.reader([header], delimiter=character), [])))


def _names(cells: list[str]) -> list[str]:
    """Name every column once: a repeated or an empty name gets a number."""
    names: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name, number = cell.strip() or f"column {place}", 1
        while name in names:
            number += 1
            name = f"{cell.strip()} ({number})"
        names.append(name)
    return names
