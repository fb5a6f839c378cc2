"""Unpacks zip files from strangers: within limits on number, size and names, and never outside the given folder."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

MEBIBYTE = 1 << 20
MAX_UPLOAD = 64 * MEBIBYTE
MAX_FILES = 2_000
MAX_UNPACKED = 512 * MEBIBYTE
CHUNK = MEBIBYTE
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,127}){0,6}", re.ASCII)


COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How bundles are packed. Other compressions fail in ways of their own, and no bundle needs them."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class UploadRefusedError(Exception):
    """The file cannot be unpacked as a bundle; the message says why."""


def unpack(source: BinaryIO, folder: Path) -> Path:
    """Unpack a zipped bundle below `folder`, and return the bundle's root: `folder`, or the only folder in it.

    Raises:
        UploadRefusedError: this is not a zip file, is too large, or contains too many files or a name that no bundle has.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            # 1. Look at the table of contents before anything is written.
            files = [info for info in archive.infolist() if not info.is_dir()]
            _check(files)
            # 2. Write the files, and count: the table may lie about sizes.
            allowance = MAX_UNPACKED
            for info in files:
                allowance -= _write(archive, info, folder / info.filename, allowance)
    except UNREADABLE as error:
        raise UploadRefusedError(_unreadable()) from error
    return _root(folder)


def _check(files: Sequence[zipfile.ZipInfo]) -> None:
    names = [info.filename for info in files]
    if not names:
        raise UploadRefusedError(_("The zip file is empty."))
    if len(names) > MAX_FILES:
        raise UploadRefusedError(
            _("The zip file contains more than %(count)d files. No bundle does.") % {"count": MAX_FILES}
        )
    if len(set(names)) != len(names):
        raise UploadRefusedError(_("The zip file contains the same name twice."))
    for info in files:
        # The upper half of external_attr is the mode on Unix. Other systems leave it 0; a link or a device does not.
        if info.compress_type not in COMPRESSIONS:
            raise UploadRefusedError(_unreadable())
        kind = stat.S_IFMT(info.external_attr >> 16)
        if not NAME.fullmatch(info.filename) or kind not in (0, stat.S_IFREG):
            raise UploadRefusedError(_("The zip file contains a name that no bundle has, or something that is not a file."))
    if sum(info.file_size for info in files) > MAX_UNPACKED:
        raise UploadRefusedError(_too_large())


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, allowance: int) -> int:
    """Write one file and return its size, which must not exceed `allowance`, whatever the zip file says about it."""
    written = 0
    with archive.open(info) as zipped, _create(path) as file:
        while chunk := zipped.read(CHUNK):
            written += len(chunk)
            if written > allowance:
                raise UploadRefusedError(_too_large())
            file.write(chunk)
    return written


def _create(path: Path) -> BinaryIO:
    """Open a new file, which must not lie where another file is, nor below one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")  # x: never write over another file
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise UploadRefusedError(_("The zip file contains names that conflict with one another.")) from error


def _root(folder: Path) -> Path:
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _unreadable() -> str:
    return _("This is not a readable zip file. Upload the bundle exactly as you downloaded it.")


def _too_large() -> str:
    return _("Unpacked, the zip file is larger than %(size)d MiB. Verify the bundle offline.") % {
        "size": MAX_UNPACKED // MEBIBYTE
    }
