"""Opens files of lines, compressed ones too, without ever holding more than a block of them."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from unlearning_jobs.engine.corpora.options import ReadOptions
from unlearning_jobs.engine.errors import CorpusError

from .fields import BLOCK, SourceFile, unreadable

COMPRESSED: Final = (".gz", ".zst")
FREE_BYTES: Final = 64 << 20
MOST_EXPANDED: Final = 200
"""A compressed file may grow to this many times its size; text grows three- to twentyfold. Small files may grow more."""
MARKS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WIDEST: Final = bytes(8)
"""As many bytes as are looked at."""
GZIP: Final = b"\x1f\x8b"
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


class Bounded(io.RawIOBase):
    """A decompressed stream that stops what would fill the disk (a decompression bomb)."""

    def __init__(self, stream: Any, base: BinaryIO, file: SourceFile) -> None:
        self._stream, self._base, self._file = stream, base, file
        self._left = max(FREE_BYTES, MOST_EXPANDED * file.size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._stream.read(len(buffer))
        except (*DAMAGED, OSError) as error:  # Arrow raises OSError for damaged frames
            message = f"not readable as {self._file.path.suffix} ({type(error).__name__}); compress it again."
            raise unreadable(self._file, message) from None
        self._left -= len(content)
        if self._left < 0:
            raise bomb(self._file)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._base.close()
        super().close()


def bomb(file: SourceFile) -> CorpusError:
    """Return the error for a file that would fill the disk with what it expands to."""
    message = (
        f"it expands to more than {MOST_EXPANDED} times its size, as a decompression bomb would; decompress it yourself, and"
        " register what comes out."
    )
    return unreadable(file, message)


def open_stream(file: SourceFile) -> BinaryIO:
    """Open a file for reading, decompressed if its name ends in .gz or .zst."""
    suffix = file.path.suffix.lower()
    if suffix == ".tgz" or suffix in COMPRESSED:
        base = file.open()
        if suffix == ".zst":
            import pyarrow as pa  # slow to load, and only some formats need it

            raw: Any = pa.input_stream(base, compression="zstd")
        else:
            raw = gzip.open(base)  # noqa: SIM115  # whoever gets the stream closes it
        return cast("BinaryIO", io.BufferedReader(Bounded(raw, base, file), BLOCK))
    return file.open()


def text_lines(file: SourceFile, options: ReadOptions) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers; a line that is too long comes cut, one character over the limit."""
    limit = options.row_bytes
    with open_text(file, options) as stream:
        number = 0
        while line := stream.readline(limit + 1):
            number += 1
            yield number, line
            while len(line) > limit and not line.endswith("\n"):  # pass over the rest of it
                line = stream.readline(limit)


def open_text(file: SourceFile, options: ReadOptions, newline: str = "\n") -> io.TextIOWrapper:
    """Open a file as text; a byte order mark is left aside.

    Raises:
        CorpusError: it is UTF-16 or UTF-32, and the options say something else: any bytes are Latin-1.
    """
    encoding = "utf-8-sig" if options.encoding.lower() in {"utf-8", "utf8"} else options.encoding
    if codecs.lookup(encoding).name[:6] not in {"utf-16", "utf-32"}:
        _check_width(file)
    return io.TextIOWrapper(open_stream(file), encoding=encoding, newline=newline)


def _check_width(file: SourceFile) -> None:
    with cast("io.BufferedReader", open_stream(file)) as stream:
        wide = _wide(stream.read1(len(WIDEST)))  # no whole block: what follows may be damaged, and is read as far as it goes
    if wide:
        raise unreadable(file, f"it is {wide.upper()}; read it with --encoding {wide}.")


def _wide(head: bytes) -> str:
    """Return the encoding of a text with several bytes a letter, by its mark or by what its first letters lack."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), "")
    if marked or len(head) < len(WIDEST):
        return marked
    halves = (("utf-16-le", head[1::2]), ("utf-16-be", head[::2]))
    return next((name for name, empty in halves if any(head) and not any(empty)), "")


def not_text(file: SourceFile, options: ReadOptions) -> CorpusError:
    """Return the error for bytes that the encoding does not have, or for a compressed file whose name does not say so."""
    with file.open() as stream:
        if stream.read(len(GZIP)) == GZIP:
            return unreadable(file, "compressed with gzip, and its name does not end in .gz; rename it, or decompress it.")
    message = f"not {options.encoding.upper()}; say what it is with --encoding, such as --encoding latin-1."
    return unreadable(file, message)
