"""Reads JSON lines, JSON arrays, and plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TextIO

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import BLOCK, Broken, Fields, Row, SourceFile, unreadable
from .repeated import distinct
from .streams import not_text, open_text, text_lines

WITHIN: Final = (
    "if the file is one object around its rows, as SQuAD's own is, store the rows as an array or as lines (docs/corpora.md)"
)


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
    for number, fields in json_lines(file, options):
        if isinstance(fields, Broken) and number == 1 and start == "{":
            yield number, Broken(f"{fields.reason}; {WITHIN}")
        else:
            yield number, fields


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
