"""Lists what lies in a folder, and what is hidden there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from unlearning_jobs.engine.errors import CorpusError

from .options import ReadOptions


def plain_files(given: Path, options: ReadOptions) -> Iterator[Path]:
    """Yield the files of a folder that are not hidden, in the order of their names.

    Raises:
        CorpusError: there is a link that may not be followed, or something that is no file.
        OSError: a folder cannot be listed.
    """
    for folder, folders, names in os.walk(given, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(n for n in names if not n.startswith("."))]:
            path = Path(folder, name)
            if path.is_symlink() and (name in folders or not options.follows_links):
                message = (
                    f"{path.relative_to(given).as_posix()} in {given.name} is a link; give what it leads to, or allow links"
                    " to files with --follow-links."
                )
                raise CorpusError(message)
            if name not in folders:
                if not path.is_file():
                    message = f"{path.relative_to(given).as_posix()} in {given.name} is no plain file; take it out."
                    raise CorpusError(message)
                yield path


def _raise(error: OSError) -> None:
    raise error


def hidden_files(given: Path) -> Iterator[Path]:
    """Yield what nobody reads: hidden files, all files of hidden folders, and hidden folders that cannot be listed."""
    for folder, folders, names in os.walk(given, onerror=_raise):
        for name in sorted(n for n in folders if n.startswith(".")):
            yield from _within(Path(folder, name))
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if name.startswith("."))


def _within(hidden: Path) -> Iterator[Path]:
    if hidden.is_symlink():
        yield hidden
        return
    closed: list[Path] = []
    for folder, folders, names in os.walk(hidden, onerror=lambda error: closed.append(Path(error.filename))):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (Path(folder, name) for name in sorted([*links, *names]))
    yield from closed
