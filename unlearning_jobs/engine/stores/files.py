"""Files of stores: read as places, overwritten, and exchanged for new ones so that a crash leaves one whole set."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .store import CHUNK, Place, StoreError

NEW: Final = ".lethe-new"
OLD: Final = ".lethe-old"
READ_ONLY_MESSAGE: Final = "The store is read-only: its files may not be written to. Nothing was deleted."
PROCESSES: Final = Path("/proc")


def require_there(given: Path) -> Path:
    """Finish an exchange that a crash broke off; then return where the store is, through any link.

    Raises:
        StoreError: there is nothing at this path.
    """
    path = given.resolve()
    new, old = beside(path, NEW), beside(path, OLD)
    if not path.exists() and old.exists():
        (new if new.exists() else old).rename(path)
    if not path.exists():
        message = f"There is no store at {path}; check the path."
        raise StoreError(message, code="wrong_path")
    return path


def require_writable(path: Path) -> None:
    """Check that a store's files may be written to, and that no other process has one of them open.

    Root may write to anything, so that what counts is whether the owner may.

    Raises:
        StoreError: a file is read-only, or open elsewhere.
    """
    for one in (path, *(path.rglob("*") if path.is_dir() else ())):
        if not one.is_symlink() and not (one.stat().st_mode & stat.S_IWUSR and os.access(one, os.W_OK)):
            raise StoreError(READ_ONLY_MESSAGE, code="read_only")
    if count := _open_elsewhere(path):
        message = f"The store is open in {count} other processes, which could write deleted documents back. Stop them first."
        raise StoreError(message, code="locked")


def _open_elsewhere(path: Path) -> int:
    """Count the other processes that have a file of the store open, as far as this process may look."""
    inside = f"{path.resolve()}{os.sep}" if path.is_dir() else str(path.resolve())
    return sum(
        any(name.startswith(inside) for name in _open_files(process))
        for process in PROCESSES.glob("[0-9]*")
        if process.name != str(os.getpid())
    )


def _open_files(process: Path) -> Iterator[str]:
    try:
        handles = list((process / "fd").iterdir())
    except OSError:
        return
    for handle in handles:
        try:
            yield str(handle.readlink())
        except OSError:
            continue


def beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def remove_left_over(path: Path) -> None:
    """Overwrite and remove what an earlier rebuild of this path left."""
    for ending in (NEW, OLD):
        shred(beside(path, ending))


def exchange(path: Path) -> None:
    """Put the new file or folder in the place of the old one, for the same users, and overwrite the old one."""
    take_over_rights(path, beside(path, NEW))
    path.rename(beside(path, OLD))
    beside(path, NEW).rename(path)
    shred(beside(path, OLD))


def take_over_rights(old: Path, new: Path) -> None:
    """Give new files the owner and mode of the old ones: whoever runs the engine must still be able to read them."""
    before = {one.relative_to(old): one.stat() for one in (old, *old.rglob("*")) if one.exists()}
    of_files = [state for state in before.values() if stat.S_ISREG(state.st_mode)] or [old.stat()]
    for one in (new, *new.rglob("*")):
        state = before.get(one.relative_to(new), old.stat() if one.is_dir() else of_files[0])
        one.chmod(stat.S_IMODE(state.st_mode))
        if (state.st_uid, state.st_gid) != (one.stat().st_uid, one.stat().st_gid):
            os.chown(one, state.st_uid, state.st_gid)


def shred(path: Path) -> None:
    """Overwrite a file or all files of a folder with random bytes, and remove them; nothing there is no error."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        for one in list(path.iterdir()):
            shred(one)
        shutil.rmtree(path)
    elif path.exists():
        with path.open("r+b") as file:
            left = path.stat().st_size
            while left > 0:
                left -= file.write(secrets.token_bytes(min(left, CHUNK)))
            file.flush()
            os.fsync(file.fileno())
        unnamed = path.with_name(f"lethe-{secrets.token_hex(8)}")  # a name may be that of a person
        path.rename(unnamed)
        unnamed.unlink()


def file_places(path: Path) -> list[Place]:
    """Return the files at a path as places, with what rebuilds left beside them."""
    return [
        Place(name, kind, reader(file))
        for root, kind in ((path, "store"), (beside(path, NEW), "left_over"), (beside(path, OLD), "left_over"))
        for name, file in _files(root)
    ]


def folder_places(folder: Path, number: int) -> list[Place]:
    """Return the files of a folder that the spec names as a cache; they are numbered, for their names may say who it is."""
    files = [file for _, file in _files(folder)] if folder.is_dir() else [folder]  # one that is gone is read in vain
    return [Place(f"cache {number}, file {i}", "cache", reader(file)) for i, file in enumerate(files, start=1)]


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    if root.is_dir():
        for file in sorted(root.rglob("*")):
            if file.is_symlink() or not file.is_dir():
                yield f"{root.name}/{file.relative_to(root)}", file
    elif root.exists():
        yield root.name, root


class reader:  # noqa: N801  # made and passed on like a function
    """Reads a file in chunks when it is called. A link leads out of what was read, so it is not followed."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self) -> Iterator[bytes]:
        if self.file.is_symlink():
            message = "It is a link."
            raise StoreError(message)
        with self.file.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def folder_names(folder: Path) -> Iterator[bytes]:
    """Yield the names of everything below a folder."""
    yield "\n".join(str(one.relative_to(folder)) for one in sorted(folder.rglob("*"))).encode("utf-8", "surrogateescape")
