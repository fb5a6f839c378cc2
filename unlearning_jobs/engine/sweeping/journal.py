"""Keeps what a sweep has done so far, so that it goes on where it was killed.

    OUT.journal/sweep.json      which sweep it is: digests of what is asked for, and of which files are read how; its shards
    OUT.journal/00000007.jsonl  the matches of the eighth shard and, as the last line, what was done; renamed when whole

A shard counts as done when its part is there, whole, and its files are as they were; what could not be read is tried again.
At the end the parts become OUT, the totals OUT.summary.json, and sweep.json OUT.sweep.json. If all shards are done, the
journal is removed; otherwise it stays, so that the same command goes on with the others.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.corpora.object_store import Given
from unlearning_jobs.engine.errors import EngineError

from .asked import Asked
from .shard_sweep import ShardSummary
from .shards import Shard, Shards, grouped, plan_digest

FORMAT: Final = "lethe-sweep-2"


class SweepError(EngineError):
    """A sweep cannot begin or go on."""

    code = "bad_sweep"


class Journal:
    """The parts of one sweep. Open it with `journal_opened`; one process at a time has it."""

    def __init__(self, out: Path) -> None:
        self.out, self.folder = out, journal_folder(out)

    def grouped(self, shards: Shards) -> Shards:
        """Return the files in the shards in which the sweep began, whatever their sizes have become."""
        return grouped(shards, json.loads((self.folder / "sweep.json").read_bytes())["shards"])

    def done(self, shard: Shard) -> ShardSummary | None:
        """Return what was done in a shard; None if it has to be swept."""
        try:
            states, summary = self._end(shard)
            return summary if states == shard.states() and not summary.unreadable else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def kept(self, shard: Shard) -> ShardSummary:
        """Return what was done in a shard that was swept."""
        return self._end(shard)[1]

    def changed(self, shard: Shard) -> list[str]:
        """Return the names of the files of a shard that was swept which have changed since, or are gone."""
        pairs = zip(shard.files, self._end(shard)[0], shard.states(), strict=True)
        return [file.name for file, before, now in pairs if before != now]

    def _end(self, shard: Shard) -> tuple[tuple[str, ...], ShardSummary]:
        last = json.loads(_last_line(self._part(shard)))["shard"]
        return tuple(last["states"]), ShardSummary(**last["summary"])

    @contextmanager
    def part(self, shard: Shard, states: Sequence[str]) -> Iterator[tuple[BinaryIO, Callable[[ShardSummary], None]]]:
        """Give a file for a shard's matches, and what ends it. Until then, the shard is not done.

        Args:
            shard: what is swept.
            states: of its files before they are read.
        """
        draft = self._part(shard).with_suffix(".draft")
        with private(draft) as file:

            def end(summary: ShardSummary) -> None:
                file.write(canonical_json({"shard": {"states": list(states), "summary": asdict(summary)}}) + b"\n")
                file.flush()
                os.fsync(file.fileno())
                draft.rename(self._part(shard))

            yield file, end

    def finish(self, shards: Sequence[Shard], summary: dict[str, Any], *, goes_on: bool) -> None:
        """Write the output from the parts, completely or not at all; remove the journal unless the sweep may go on."""
        draft = self.folder / "out.draft"
        with private(draft) as file:
            for shard in shards:
                with self._part(shard).open("rb") as part:
                    before = b""
                    for line in part:
                        file.write(before)
                        before = line  # the last line is the journal's own
            file.flush()
            os.fsync(file.fileno())
        with private(self.folder / "summary.draft") as file:
            file.write(json.dumps(summary, indent=2, ensure_ascii=False).encode() + b"\n")
        (self.folder / "summary.draft").rename(summary_path(self.out))
        shutil.copyfile(self.folder / "sweep.json", about_path(self.out))
        about_path(self.out).chmod(0o600)
        draft.rename(self.out)
        if not goes_on:
            shutil.rmtree(self.folder)

    def _part(self, shard: Shard) -> Path:
        return self.folder / f"{shard.number:08d}.jsonl"


def require_outside(out: Path, swept: Iterable[Given]) -> None:
    """Refuse an output that lies in a folder which is swept: the next sweep would read it.

    Raises:
        SweepError: it lies there.
    """
    for folder in (given for given in swept if isinstance(given, Path)):
        if out.absolute().resolve().is_relative_to(folder.resolve()):
            message = f"{out.name} would be read by the next sweep of {folder.name}; write it outside of what is swept."
            raise SweepError(message)


@contextmanager
def journal_opened(out: Path, asked: Asked, shards: Sequence[Shard]) -> Iterator[Journal]:
    """Begin the journal of a sweep, or go on with it.

    Raises:
        SweepError: the output is there already, another process writes it, or the journal is of another sweep.
    """
    folder = journal_folder(out)
    if out.exists() and not goes_on(out):
        message = f"{out.name} is there already, from a sweep that has ended; name another file, or remove it."
        raise SweepError(message)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"Another process is writing {out.name}."
            raise SweepError(message) from None
        _check_same(folder, out, asked, shards)
        yield Journal(out)


def _check_same(folder: Path, out: Path, asked: Asked, shards: Sequence[Shard]) -> None:
    about = folder / "sweep.json"
    if about.exists():
        if not _is_of(about, asked, shards):
            message = (
                f"{folder.name} is the journal of another sweep: other queries, files, flags or matchers. Name another file"
                f" than {out.name}, or remove the journal to begin again."
            )
            raise SweepError(message)
        return
    salt = secrets.token_bytes(16)
    content = {
        "format": FORMAT,
        "salt": salt.hex(),
        "asked": asked.digest(salt),
        "plan": plan_digest(shards),
        "shards": [len(shard.files) for shard in shards],
    }
    with private(folder / "sweep.draft") as file:
        file.write(canonical_json(content) + b"\n")
    (folder / "sweep.draft").rename(about)


def goes_on(out: Path) -> bool:
    """Return whether there is an output of a sweep that has not done all of its shards, whose journal is there."""
    try:
        return about_path(out).read_bytes() == (journal_folder(out) / "sweep.json").read_bytes()
    except OSError:
        return False


def is_output_of(out: Path, asked: Asked, shards: Sequence[Shard]) -> bool:
    """Return whether a finished output is that of a sweep of these files for these queries, with these matchers."""
    return _is_of(about_path(out), asked, shards)


def _is_of(about: Path, asked: Asked, shards: Sequence[Shard]) -> bool:
    try:
        kept = json.loads(about.read_bytes())
        same = kept["format"] == FORMAT and kept["plan"] == plan_digest(shards)
        return bool(same and kept["asked"] == asked.digest(bytes.fromhex(kept["salt"])))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def journal_folder(out: Path) -> Path:
    return out.with_name(f"{out.name}.journal")


def summary_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.summary.json")


def about_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.sweep.json")


def private(path: Path) -> BinaryIO:
    """Open a new file that only its owner may read: it says where people are."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _last_line(path: Path) -> bytes:
    """Return the last line of a file; nothing if it does not end in a whole one."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        size = 4096
        while True:
            start = max(0, end - size)
            file.seek(start)
            content = file.read(end - start)
            if not content.endswith(b"\n"):
                return b""
            lines = content[:-1].rsplit(b"\n", 1)
            if len(lines) > 1 or start == 0:
                return lines[-1]
            size *= 4
