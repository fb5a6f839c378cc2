"""The shards of corpora that are swept, a large file each or small ones together, and their rows, read in place."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Final

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.corpora import Example, ReadOptions, Source
from unlearning_jobs.engine.corpora.cells import RowError, RowSkipped, SkipReason
from unlearning_jobs.engine.corpora.column_names import ColumnNames
from unlearning_jobs.engine.corpora.object_store import Given, failure
from unlearning_jobs.engine.corpora.readers import READERS, Broken, Fields, SourceFile
from unlearning_jobs.engine.corpora.readers.streams import FREE_BYTES, MOST_EXPANDED, bomb
from unlearning_jobs.engine.corpora.reading import plan
from unlearning_jobs.engine.corpora.roles import Roles
from unlearning_jobs.engine.corpora.rows import RowMaker, SourceRow
from unlearning_jobs.engine.errors import CorpusError

TOGETHER: Final = 16 << 20
"""Bytes of files that are swept together: of a million small files, few parts are kept."""
MOST_PLACES: Final = 20
STATE_DIGITS: Final = 16
"""Of the state of a file, of which there may be many in one shard: enough to tell it from what it was."""


@dataclass(frozen=True)
class Shard:
    """Files that one process sweeps in one go. It may be sent to another machine that has the same files."""

    number: int
    files: tuple[SourceFile, ...]
    roles: Roles
    options: ReadOptions
    size: int
    """In bytes, when the sweep was planned."""

    @property
    def texts_only(self) -> bool:
        """Whether the examples are pictures or arrays, of which only the texts beside them are searched."""
        return not {"image", "features"}.isdisjoint(self.roles.columns)

    def states(self) -> tuple[str, ...]:
        """Return, by file, what changes when somebody writes to it, or puts another in its place. Empty if it is missing."""
        return tuple(map(_state, self.files))


def _state(file: SourceFile) -> str:
    try:
        return file.state()[:STATE_DIGITS]
    except OSError:
        return ""


class Shards(list[Shard]):
    """The shards of a sweep, and the names of files that are in none: left aside as `finding` does, or missing."""

    def __init__(self, shards: Iterable[Shard], aside: Sequence[str] = (), missing: Sequence[str] = ()) -> None:
        super().__init__(shards)
        self.aside, self.missing = tuple(aside), tuple(missing)


@dataclass
class Reading:
    """What became of a shard's rows. Rows are named by file and number, never by their content."""

    rows: int = 0
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    """Rows that were not searched, because they hold no example or cannot be read, by reason (`rows.SKIPPED`)."""
    places: list[str] = field(default_factory=list)
    """The first of these rows."""
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be read, or not to their end, and why."""

    def examples(self, shard: Shard) -> Iterator[Example]:
        """Yield the examples of a shard; each is named by its number."""
        for file in shard.files:
            try:
                yield from self._file(file, shard)
            except CorpusError as error:
                self.unreadable.append(str(error))
            except OSError as error:
                self.unreadable.append(f"{file.name} cannot be read: {failure(error)}.")

    def _file(self, file: SourceFile, shard: Shard) -> Iterator[Example]:
        maker, names = RowMaker(shard.roles, shard.options), ColumnNames(shard.roles.named)
        left = max(FREE_BYTES, MOST_EXPANDED * file.size)
        for number, fields in READERS[file.kind](file, shard.options):
            self.rows += 1
            try:
                row = _made(fields, maker, names)
            except RowSkipped as skipped:
                self._skip(skipped.reason, file, number)
                continue
            except RowError:
                self._skip("broken", file, number)
                continue
            left -= maker.size
            if left < 0:
                raise bomb(file)
            place = Source(file.name, number, row.source_id)
            yield Example(
                id=f"{file.name}, row {number}",
                set=row.split or file.split,
                prompt=row.prompt,
                completion=row.completion,
                metadata=row.metadata,
                source=place,
            )

    def _skip(self, reason: SkipReason, file: SourceFile, number: int) -> None:
        self.skipped[reason] += 1
        if len(self.places) < MOST_PLACES:
            self.places.append(f"{file.name}, row {number}: {reason}")


def _made(fields: Fields | Broken, maker: RowMaker, names: ColumnNames) -> SourceRow:
    if isinstance(fields, Broken):
        raise RowError(fields.reason)
    return maker.make(names.of(fields))


def find_shards(given: Sequence[Given], options: ReadOptions) -> Shards:
    """Return the shards of files or folders, with the roles of their columns, decided by a sample of rows.

    Rows that do not fit are left out and reported, whatever the options say.

    Raises:
        CorpusError: there is no such file, its format is unknown, or its columns are of no known shape.
    """
    shards, aside, missing = list[Shard](), list[str](), list[str]()
    options = replace(options, skips_broken=True)
    for source in plan(given, {}, options):
        aside += (f"{source.found.name}/{name}" for name in source.found.unread)
        missing += (f"{source.found.name}/{name}" for name in source.found.missing)
        together: list[SourceFile] = []
        size = 0
        for file in source.found.files:
            together.append(file)
            size += file.size
            if size >= TOGETHER:
                shards.append(Shard(len(shards), tuple(together), source.roles, options, size))
                together, size = [], 0
        if together:
            shards.append(Shard(len(shards), tuple(together), source.roles, options, size))
    return Shards(shards, aside, missing)


def grouped(shards: Shards, counts: Sequence[int]) -> Shards:
    """Return the same files in shards of so many files each: how an earlier run grouped them, whose sizes were others."""
    files = iter([(file, shard) for shard in shards for file in shard.files])
    found = list[Shard]()
    for count in counts:
        own = list(islice(files, count))
        size = sum(file.size for file, _ in own)
        found.append(replace(own[0][1], number=len(found), files=tuple(file for file, _ in own), size=size))
    return Shards(found, shards.aside, shards.missing)


def plan_digest(shards: Sequence[Shard]) -> str:
    """Return a digest of which files are swept and how they are read, but not of what is in them, nor of their shards."""
    digest = hashlib.sha256()
    for shard in shards:
        roles = {role: list(columns) for role, columns in shard.roles.columns.items()}
        options = json.dumps(asdict(shard.options), sort_keys=True, default=sorted)
        for file in shard.files:
            digest.update(canonical_json([_address(file), file.name, file.kind, roles, options]) + b"\n")
    return digest.hexdigest()


def _address(file: SourceFile) -> str:
    return str(file.path.absolute()) if file.store is None else f"{file.store.type_name}://{file.path.as_posix()}"
