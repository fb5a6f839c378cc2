"""A zip file from a stranger, unpacked with care: bounded in number, size and names, and never outside its folder."""

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


class UploadRefusedError(Exception):
    """The file is not a bundle that can be looked at; the message says why and what to do."""


def unpack(source: BinaryIO, folder: Path) -> Path:
    """Unpacks a zipped bundle below `folder` and returns the bundle's root: one folder around everything is stepped into.

    Raises:
        UploadRefusedError: not a zip file, too many files, too large, or a name that would leave the folder.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            _check(files)
            left = MAX_UNPACKED
            for info in files:
                left -= _write(archive, info, folder / info.filename, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        message = _("This is not a zip file that can be read. Upload the bundle as it was downloaded.")
        raise UploadRefusedError(message) from error
    return _root(folder)


def _check(files: Sequence[zipfile.ZipInfo]) -> None:
    names = [info.filename for info in files]
    if not names:
        raise UploadRefusedError(_("The zip file is empty."))
    if len(names) > MAX_FILES:
        raise UploadRefusedError(_("The zip file holds more than %(count)d files; no bundle does.") % {"count": MAX_FILES})
    if len(set(names)) != len(names):
        raise UploadRefusedError(_("The zip file holds a name twice."))
    for info in files:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if not NAME.fullmatch(info.filename) or kind not in (0, stat.S_IFREG):
            raise UploadRefusedError(_("The zip file holds a name that no bundle has, or something that is not a file."))
    if sum(info.file_size for info in files) > MAX_UNPACKED:
        raise UploadRefusedError(_too_large())


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Writes one file and returns its size. What a zip file says about its sizes need not be true, so it is counted."""
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as packed, path.open("xb") as file:
            while chunk := packed.read(CHUNK):
                written += len(chunk)
                if written > left:
                    raise UploadRefusedError(_too_large())
                file.write(chunk)
    except OSError as error:
        raise UploadRefusedError(_("The zip file holds names that cannot stand beside one another.")) from error
    return written


def _root(folder: Path) -> Path:
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _too_large() -> str:
    return _("Unpacked, the zip file is larger than %(size)d MiB. Verify such a bundle offline.") % {
        "size": MAX_UNPACKED // MEBIBYTE
    }
