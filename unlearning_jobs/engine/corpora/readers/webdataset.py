"""Reads WebDataset archives: members that follow each other with the same name but for the ending are one row."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, Self

from unlearning_jobs.engine.corpora.options import ReadOptions

from .fields import BLOCK, Row, SourceFile, unreadable
from .keys import Keys
from .samples import Sample
from .streams import open_stream

LARGEST_PICTURE: Final = 64 << 20


class _Header(tarfile.TarInfo):
    """A header that is damaged, or that is missing at the end, is an error, and not the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):  # the mark that ends an archive
                raise
            message = "no header, and no mark that ends the archive"
            raise tarfile.ReadError(message) from None


def webdataset(file: SourceFile, options: ReadOptions) -> Iterator[Row]:
    """Yield the rows of an archive, which is read once from front to back; nothing is unpacked."""
    number, sample, keys = 0, None, Keys()
    try:
        with open_stream(file) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
            for member in archive:
                if not member.isdir():
                    _check(file, member)
                    stem, ending = _split(member.name)
                    if sample is None or stem != sample.key:
                        if sample:
                            yield number, sample.row()
                        number, sample = number + 1, Sample(stem, options)
                        keys.add(stem)
                    content = archive.extractfile(member)
                    sample.add(ending, content.read() if content else b"")
            _check_end(file, archive)
            if sample:
                yield number, sample.row()
            if again := keys.repeated():
                message = (
                    f"row {again} has the name of an earlier row, so that what belongs together may be two; members of one"
                    " row must follow each other: pack it again in the order of names, such as with tar --sort=name."
                )
                raise unreadable(file, message)
    except tarfile.TarError as error:
        reason = f"not readable as tar, or not to its end ({type(error).__name__}); pack it again."
        raise unreadable(file, reason) from None


def _check_end(file: SourceFile, archive: tarfile.TarFile) -> None:
    """Refuse what follows the mark that ends an archive: only zeros fill it up."""
    while archive.fileobj and (rest := archive.fileobj.read(BLOCK)):
        if any(rest):
            message = (
                "something follows the end of the archive, such as another archive; give each as a file of its own, or"
                " unpack it with tar --ignore-zeros and pack it again."
            )
            raise unreadable(file, message)


def _split(name: str) -> tuple[str, str]:
    """Cut a member's name at the first point of its last part, as WebDataset does."""
    path = PurePosixPath(name)
    stem, _, ending = path.name.partition(".")
    return str(path.with_name(stem or path.name)), ending.lower()


def _check(file: SourceFile, member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise unreadable(file, "a member's name leads out of the archive; pack it again with relative names.")
    if not member.isfile():
        raise unreadable(file, "it holds a link or a device; pack it again with plain files only.")
    if member.size > LARGEST_PICTURE:
        raise unreadable(file, f"a member is larger than {LARGEST_PICTURE} bytes; pack smaller ones.")
