"""The flags that say how sources are read: the same for every command that reads them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from unlearning_jobs.engine.errors import CorpusError

from .options import MAX_ROW_BYTES, ReadOptions
from .roles import ROLES


def add_reading_flags(parser: ArgumentParser) -> None:
    """Add the flags; `docs/corpora.md` describes them."""
    _add_columns(parser)
    _add_files(parser)


def _add_columns(parser: ArgumentParser) -> None:
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ROLE=COLUMN",
        help=f"what a column is; repeat it to join columns. Roles: {'; '.join(f'{r}: {what}' for r, what in ROLES.items())}",
    )
    columns.add_argument("--split-column", default="", metavar="COLUMN", help="the column that names the set of a row")
    columns.add_argument(
        "--split",
        action="append",
        default=[],
        metavar="VALUE=SET",
        help="the set that a value of that column means, or the name of a folder or of shards",
    )
    columns.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="leave a column out; repeatable")
    columns.add_argument("--skip-broken", action="store_true", help="leave rows out that do not fit, and report them")
    columns.add_argument("--row-bytes", type=int, default=MAX_ROW_BYTES, help="the most that a row may have")


def _add_files(parser: ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument("--encoding", default="utf-8", help="of text files, such as latin-1")
    files.add_argument("--delimiter", default="", help="between the columns of tables as text")
    files.add_argument("--text-unit", choices=["file", "paragraph", "line"], help="what is one example in plain text")
    files.add_argument("--image-size", metavar="HEIGHTxWIDTH", help="resize pictures")
    files.add_argument("--greyscale", action="store_true", help="read pictures with one channel instead of three")
    files.add_argument("--only", default="", metavar="ENDING", help="read the files of a folder with this ending alone")
    files.add_argument("--allow-missing", action="store_true", help="register a folder although shards of it are missing")
    files.add_argument("--follow-links", action="store_true", help="follow links to files in a folder")


def read_options(given: Mapping[str, Any]) -> ReadOptions:
    """Return what the flags say.

    Raises:
        CorpusError: a flag says nothing that a file could be read by.
    """
    roles: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for role, column in pairs("--role", given["role"]):
        roles[role] += (column,)
    return ReadOptions(
        roles=dict(roles),
        split_column=given["split_column"],
        splits=dict(pairs("--split", given["split"])),
        ignored=frozenset(given["ignore"]),
        encoding=given["encoding"],
        delimiter=given["delimiter"].replace("\\t", "\t"),
        row_bytes=given["row_bytes"],
        image_size=_size(given["image_size"]) if given["image_size"] else None,
        greyscale=given["greyscale"],
        text_unit=given["text_unit"],
        only=given["only"],
        follows_links=given["follow_links"],
        skips_broken=given["skip_broken"],
        allows_missing=given["allow_missing"],
    )


def _size(text: str) -> tuple[int, int]:
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        message = f"--image-size takes HEIGHTxWIDTH, such as 32x32, not {text!r}."
        raise CorpusError(message)
    return int(height), int(width)


def pairs(flag: str, given: Iterable[str]) -> list[tuple[str, str]]:
    """Return the two words of each NAME=VALUE.

    Raises:
        CorpusError: one of them has another form.
    """
    split = [text.partition("=") for text in given]
    for name, separator, value in split:
        if not (name and separator and value):
            message = f"{flag} takes two words with = between them, such as NAME=VALUE."
            raise CorpusError(message)
    return [(name, value) for name, _, value in split]
