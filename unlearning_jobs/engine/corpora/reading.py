"""Reads sources row by row: decides the roles of their columns first, and counts what becomes of every row."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from unlearning_jobs.engine.errors import CorpusError

from .cells import RowError, RowSkipped, SkipReason, is_missing
from .column_names import MOST_COLUMNS, ColumnNames
from .finding import Found, find_files, with_own_name
from .info import MOST_PLACES, Skipped, SourceInfo
from .labels import Labels
from .object_store import Given, failure
from .options import ReadOptions
from .readers import READERS, TITLES, Broken, Fields, SourceFile, unreadable
from .readers.streams import FREE_BYTES, MOST_EXPANDED, bomb
from .roles import Roles, decide, shown
from .rows import RowMaker, SourceRow
from .set_names import SPELLINGS, unknown_names

SAMPLED_FILES: Final = 8
SAMPLED_ROWS: Final = 100


class ReadRow(NamedTuple):
    """One example, with its set and where it comes from."""

    set: str
    row: SourceRow
    file: str
    number: int


@dataclass
class Source:
    """One of the things that were given, with the roles of its columns; counts grow while it is read."""

    found: Found
    roles: Roles
    options: ReadOptions
    set: str = ""
    """The set that all of it goes to; empty if its rows say."""
    rows: int = 0
    columns: dict[str, None] = field(default_factory=dict)
    """Columns of the examples; before these are read, those of the sample."""
    sampled: tuple[str, ...] = ()
    sets: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    places: defaultdict[SkipReason, list[str]] = field(default_factory=lambda: defaultdict(list))
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    bytes: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self) -> Iterator[ReadRow]:
        """Yield the examples of all files.

        Raises:
            CorpusError: a row does not fit, a file has nothing to learn from, or a file changed meanwhile.
        """
        maker, names = RowMaker(self.roles, self.options), ColumnNames(self.roles.named)
        self.columns.clear()
        for file in self.found.files:
            before = file.state()
            self.bytes += file.size
            self.digest.update(f"{_sha256(file)}  {file.name}\n".encode())
            yield from self._read(file, maker, names)
            if file.state() != before:
                raise unreadable(file, "the file changed while it was read; register it when nobody writes to it.")
        if not sum(map(sum, (counts.values() for counts in self.sets.values()))):
            raise CorpusError(self._nothing())

    def _read(self, file: SourceFile, maker: RowMaker, names: ColumnNames) -> Iterator[ReadRow]:
        left = max(FREE_BYTES, MOST_EXPANDED * file.size)
        for number, fields in READERS[file.kind](file, self.options):
            self.rows += 1
            try:
                row = self._made(fields, maker, names)
            except RowSkipped as skipped:
                self._skip(skipped.reason, file, number)
            except RowError as error:
                if not self.options.skips_broken:
                    message = f"{file.name}, line {number}: {error}. {self._columns_seen()}"
                    raise CorpusError(message) from None
                self._skip("broken", file, number)
            else:
                left -= maker.size
                if left < 0:
                    raise bomb(file)
                yield ReadRow(self._set_of(row.split or file.split, file, number), row, file.name, number)

    def _made(self, fields: Fields | Broken, maker: RowMaker, names: ColumnNames) -> SourceRow:
        if isinstance(fields, Broken):
            raise RowError(fields.reason)
        clean = names.of(fields)
        row = maker.make(clean)
        if len(self.columns) < MOST_COLUMNS and clean.keys() - self.columns.keys():
            self.columns.update(dict.fromkeys(clean))
        return row

    def check_sets(self) -> None:
        """Refuse names of folders and shards that may mean a set, unless a flag or a column says which.

        Raises:
            CorpusError: it names them, and the flag.
        """
        unknown = {file.split for file in self.found.files if self._known_set(file.split) is None}
        if unknown and self.roles.split not in self.columns:
            message = f"{self.found.name}: {unknown_names(sorted(unknown))}"
            raise CorpusError(message)

    def check_files(self) -> None:
        """Refuse a folder of which files are missing, unless that is allowed.

        Raises:
            CorpusError: it names some of them.
        """
        if self.found.missing and not self.options.allows_missing:
            listed = ", ".join(self.found.missing[:MOST_PLACES])
            message = f"{self.found.name}: files are missing: {listed}. Add them, or register the rest with --allow-missing."
            raise CorpusError(message)

    def _known_set(self, found: str) -> str | None:
        return self.set or self.options.splits.get(found) or (SPELLINGS.get(found.lower()) if found else "train")

    def _set_of(self, found: str, file: SourceFile, number: int) -> str:
        name = self._known_set(found)
        if name is None:
            said = unknown_names([file.split]) if found == file.split else _unknown_value(self.roles.split)
            message = f"{file.name}, line {number}: {said}"
            raise CorpusError(message)
        self.sets[found if not self.set else ""][name] += 1
        return name

    def _placed(self) -> dict[str, dict[str, int]]:
        placed: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for file in self.found.files:
            placed[self._known_set(file.split) or "refused"][file.named or "."] += bool(file.named) or not file.alone
        return {name: {named: files for named, files in counts.items() if files} for name, counts in placed.items()}

    def _skip(self, reason: SkipReason, file: SourceFile, number: int) -> None:
        self.skipped[reason] += 1
        if len(self.places[reason]) < MOST_PLACES:
            self.places[reason].append(f"{file.name}, line {number}")

    def _columns_seen(self) -> str:
        seen = dict.fromkeys((*self.sampled, *self.columns))
        used = [f"{role}={shown(c)}" for role, named in self.roles.columns.items() for c in named if c in seen]
        rest = ", ".join(shown(column) for column in seen if column not in self.roles.used) or "none"
        return f"Columns read as {', '.join(used)}; others: {rest}. --skip-broken leaves such rows out and reports them."

    def _nothing(self) -> str:
        if not self.rows:
            return f"{self.found.name} is empty; there is nothing to read. Export it again, or leave it out."
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(self.skipped.items()))
        return (
            f"{self.found.name}: none of its {self.rows} rows has anything to learn from ({reasons}). {self._columns_seen()}"
        )

    def info(self) -> SourceInfo:
        """Return what is known of the source so far."""
        used, ignored = self.roles.used, {*self.roles.ignored, *self.options.ignored}
        roles = {role: tuple(shown(c) for c in named if c in self.columns) for role, named in self.roles.columns.items()}
        if self.roles.split in self.columns:
            roles["split"] = (shown(self.roles.split),)
        metadata = [shown(column) for column in self.columns if column not in used and column not in ignored]
        return SourceInfo(
            name=self.found.name,
            kind=self.found.kind,
            files=len(self.found.files),
            bytes=self.bytes,
            sha256=self.digest.hexdigest(),
            shape=self.roles.shape,
            roles={role: named for role, named in roles.items() if named},
            metadata=(*metadata, "...") if len(self.columns) >= MOST_COLUMNS else tuple(metadata),
            ignored=tuple(sorted(shown(column) for column in ignored & {*self.columns, *self.roles.ignored})),
            aside=len(self.found.aside),
            rows=self.rows,
            examples=sum(sum(counts.values()) for counts in self.sets.values()),
            sets={found: dict(counts) for found, counts in self.sets.items()},
            skipped=tuple(Skipped(r, n, tuple(self.places[r])) for r, n in sorted(self.skipped.items())),
            placed={} if self.rows else self._placed(),
        )


def _unknown_value(column: str) -> str:
    return (
        f"the column {column} must be one of {', '.join(SPELLINGS)}, or say what its value means with --split VALUE=train or"
        " --split VALUE=held_out."
    )


def plan(given: Sequence[Given], sets: Mapping[str, Given], options: ReadOptions) -> list[Source]:
    """Return the sources with the roles of their columns, decided by a sample of rows; nothing is written.

    Raises:
        CorpusError: there is no such file, its format is unknown, or its columns are of no known shape.
    """
    named: list[tuple[Given, str]] = [*((path, "") for path in given), *((path, name) for name, path in sets.items())]
    try:
        sources = [_source(path, name, options) for path, name in _told_apart(named)]
    except OSError as error:
        message = f"{Path(error.filename or '').name} cannot be read: {error.strerror}; check its path and permissions."
        raise CorpusError(message) from None
    if len(given) > 1:  # such as train.jsonl and test.jsonl; of one alone, whoever gave it knows what it is
        for source, (path, name) in zip(sources, named, strict=True):
            source.found = source.found if name else with_own_name(source.found, path, options)
    return sources


def _told_apart(named: Iterable[tuple[Given, str]]) -> list[tuple[Given, str]]:
    chosen = list(named)
    twice = [name for name, count in Counter(path.name for path, _ in chosen).items() if count > 1]
    if twice:
        message = f"Two sources are called {twice[0]}, so nobody could tell where a row came from; rename one."
        raise CorpusError(message)
    return chosen


def _source(given: Given, name: str, options: ReadOptions) -> Source:
    found = find_files(given, options)
    if not found.files[0].alone:  # of a folder, provenance says which
        found = replace(found, files=tuple(replace(f, name=f"{found.name}/{f.name}") for f in found.files))
    seen: Counter[str] = Counter()
    rows: list[frozenset[str]] = []
    broken: list[str] = []
    others: set[str] = set()  # columns that hold something else than whole numbers
    names = ColumnNames()
    for file in _spread(found.files):
        for number, fields in islice(READERS[file.kind](file, options), SAMPLED_ROWS):
            if isinstance(fields, Broken):
                broken.append(f"{file.name}, line {number}: {fields.reason}.")
                if not options.skips_broken:
                    message = f"{broken[0]} --skip-broken leaves such rows out."
                    raise CorpusError(message)
                continue
            clean = names.of(fields)
            filled = frozenset(column for column, value in clean.items() if not is_missing(value))
            seen.update(dict.fromkeys(clean, 0))
            seen.update(filled)
            rows.append(filled)
            others.update(column for column in filled if not _is_number(clean[column]))
    if broken and not rows:
        message = (
            f"{broken[0]} None of the first {len(broken)} rows of {found.name} can be read, so nothing says what its columns"
            " are; correct the file, or say how to read it, with --delimiter, --encoding, --row-bytes or --ignore."
        )
        raise CorpusError(message)
    if not rows:
        message = f"{found.name} is empty; there is nothing to read. Export it again, or leave it out."
        raise CorpusError(message)
    source = Source(found, decide(found.name, seen, rows, options, seen.keys() - others), options, set=name)
    source.columns.update(dict.fromkeys(seen))
    source.sampled = tuple(islice(seen, MOST_COLUMNS))
    return source


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _spread(files: Sequence[SourceFile]) -> Sequence[SourceFile]:
    """Return a few files from the beginning to the end."""
    step = max(1, len(files) // SAMPLED_FILES)
    return files[::step]


def read_all(sources: Iterable[Source]) -> Iterator[ReadRow]:
    """Yield the examples of all sources, in order.

    Raises:
        CorpusError: as `Source.read`; or some files call classes by numbers, and others by names.
    """
    labels = Labels()
    for source in sources:
        try:
            for read in source.read():
                if read.row.labelled:
                    labels.add(read.file if source.found.kind != TITLES[".png"] else source.found.name, read.row.completion)
                yield read
        except OSError as error:
            message = f"{source.found.name} cannot be read: {failure(error)}; check its permissions."
            raise CorpusError(message) from None
    labels.check()


def _sha256(file: SourceFile) -> str:
    with file.open() as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


Report = Callable[[Sequence[SourceInfo]], None]
"""Told what is known of the sources before anything is written."""
