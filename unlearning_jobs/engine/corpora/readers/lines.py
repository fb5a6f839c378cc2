"""Reads JSON lines, JSON arrays, tables as text, and plain text."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, TextIO

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import BLOCK, Broken, Fields, Row, SourceFile, unreadable
from .repeated import distinct
from .streams import not_text, open_text, text_lines

DELIMITERS = ",;\t|"
LONGEST_TABLE_ROW = 4
"""In limits of a row: quotes and the cells together may take more than one."""


def json_lines(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield one row per line; empty lines are left aside."""
    try:
        for number, line in text_lines(file, options):
            if line.isspace():
                continue
            yield number, _too_long(options) if len(line) > options.row_bytes else parsed_object(line)
    except UnicodeDecodeError:
        raise not_text(file, options) from None


def json_file(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield the elements of an array, or the lines where there is none."""
    try:
        with open_text(file, options) as stream:
            start = next((c for c in iter(lambda: stream.read(1), "") if not c.isspace()), "")
            if start == "[":
                yield from _elements(stream, file, options)
                return
    except UnicodeDecodeError:
        raise not_text(file, options) from None
    yield from json_lines(file, options)


def parsed_object(text: str) -> Fields | Broken:
    """Return the object that a line spells. Keys that it repeats keep every value, the last under the plain name."""
    try:
        value = DECODER.decode(text)
    except json.JSONDecodeError as error:
        return Broken(f"not JSON ({error.msg} at column {error.colno})")
    except (RecursionError, ValueError):  # ValueError: a number with more digits than Python converts
        return Broken("not JSON that can be read (nested too deeply, or a number that is too long)")
    return value if isinstance(value, dict) else Broken("each row must be a JSON object")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    names = distinct([name for name, _ in pairs])
    return dict(reversed([(name, value) for name, (_, value) in zip(names, pairs, strict=True)]))


DECODER = json.JSONDecoder(object_pairs_hook=_members)


def _too_long(options: ReadOptions) -> Broken:
    return Broken(f"longer than {options.row_bytes} bytes; raise the limit with --row-bytes, or split it")


def _elements(stream: TextIO, file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield the elements of an array whose bracket has been read, with little more than one of them in memory."""
    buffer, position, number, separator = "", 0, 0, ""
    while True:
        # 1. To the next element, or the end of the array.
        while position < len(buffer) and (buffer[position].isspace() or buffer[position] == separator):
            separator = "" if buffer[position] == separator else separator
            position += 1
        if position == len(buffer):
            buffer, position = stream.read(BLOCK), 0
            if not buffer:
                raise unreadable(file, "the JSON array has no end; export it again.")
            continue
        if buffer[position] == "]":
            _check_end(buffer[position + 1 :], stream, file)
            return
        # 2. The element. What cannot be decoded may only be cut off: read on, as far as a row may be long.
        number += 1
        try:
            if separator:
                raise unreadable(file, f"row {number}: a comma is missing in the JSON array; export it again.")
            value, position = DECODER.raw_decode(buffer, position)
        except (ValueError, RecursionError):
            more = stream.read(BLOCK)
            if not more or len(buffer) - position > options.row_bytes:
                message = f"row {number}: not JSON, or longer than {options.row_bytes} bytes (see --row-bytes)."
                raise unreadable(file, message) from None
            buffer, position, number = buffer[position:] + more, 0, number - 1
            continue
        separator = ","
        yield number, value if isinstance(value, dict) else Broken("each row must be a JSON object")


def _check_end(rest: str, stream: TextIO, file: SourceFile) -> None:
    while not rest or rest.isspace():
        if not (rest := stream.read(BLOCK)):
            return
    message = "something follows the end of the JSON array; store one array per file, or one object per line (.jsonl)."
    raise unreadable(file, message)


def table(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield the rows of a table as text. The delimiter is the one that cuts the header into most columns."""
    csv.field_size_limit(options.row_bytes)
    try:
        with open_text(file, options, newline="") as stream:
            yield from _table_rows(stream, file, options)
    except UnicodeDecodeError:
        raise not_text(file, options) from None


def _table_rows(stream: TextIO, file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    first = stream.readline(options.row_bytes)
    while first and first.isspace():
        first = stream.readline(options.row_bytes)
    delimiter = options.delimiter or ("\t" if file.kind == ".tsv" else _delimiter(first))
    names = _names(next(csv.reader([first], delimiter=delimiter), []))
    reader = csv.reader(_bounded_lines(stream, file, options), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield 1 + reader.line_num, Broken(f"not readable as a table ({error})")
            continue
        if cells is None:
            return
        if not cells:
            continue
        fits = len(cells) == len(names)
        yield 1 + reader.line_num, dict(zip(names, cells, strict=True)) if fits else _misfit(len(cells), names)


def _bounded_lines(stream: TextIO, file: SourceFile, options: ReadOptions) -> Iterator[str]:
    while line := stream.readline(LONGEST_TABLE_ROW * options.row_bytes):
        if not line.endswith("\n") and len(line) == LONGEST_TABLE_ROW * options.row_bytes:
            raise unreadable(file, f"a line is longer than {len(line)} characters; raise the limit with --row-bytes.")
        yield line


def _misfit(cells: int, names: list[str]) -> Broken:
    return Broken(f"not as many cells as in the header ({cells} instead of {len(names)}; see --delimiter)")


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


def plain_text(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield a file as one example, or its paragraphs, or its lines."""
    unit = options.text_unit or ("paragraph" if file.alone else "file")
    parts: list[str] = []
    size, start = 0, 1
    try:
        for number, line in text_lines(file, options):
            between = unit == "paragraph" and line.isspace()
            start = start if parts else number
            if not between and size <= options.row_bytes:  # of what is too long, no more is kept
                parts.append(line)
                size += len(line)
            if parts and (between or unit == "line"):
                yield start, _text(parts, size, options)
                parts, size = [], 0
        if parts or unit == "file":
            yield start, _text(parts, size, options)
    except UnicodeDecodeError:
        raise not_text(file, options) from None


def _text(parts: list[str], size: int, options: ReadOptions) -> Fields | Broken:
    return _too_long(options) if size > options.row_bytes else {"text": "".join(parts).strip("\r\n")}
