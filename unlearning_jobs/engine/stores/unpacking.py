"""Unpacks what is compressed inside a place, as far as formats allow without the engine that wrote them.

Read are gzip and zlib streams wherever they begin in a file; whole files of bzip2, xz, zstandard and LZ4 frames; ZIP
archives; columns of Arrow and Parquet files, which may be compressed and encoded. `NOT_UNPACKED` says what is not.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

import pyarrow as pa

from .store import CHUNK

NOT_UNPACKED: Final = (
    "Not looked into: what PostgreSQL compresses one by one (values with pglz or LZ4, pages in its log), blocks of LZ4, Snappy"
    " and Brotli without a frame, quantised vectors, and what is encrypted."
)
MOST_BYTES: Final = 1 << 30
"""Of one stream, unpacked: a small file may unpack to anything."""
LARGEST: Final = 1 << 30
"""A file of this size or more is looked through as it is, and not unpacked; the result says so."""
STREAM: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
FRAMES: Final[Mapping[bytes, str]] = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
ENOUGH: Final = 16
"""Bytes that a stream must unpack to at once: what looks like its beginning stands in any file."""


class TooLargeError(Exception):
    """What is packed is too large to look into."""


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield whatever is packed in the bytes of a place, in chunks.

    Raises:
        TooLargeError: there is more than `MOST_BYTES` in a stream.
    """
    for magic, unpack in WHOLE.items():
        if data.startswith(magic):
            yield from _quietly(unpack(data))
    yield from chain.from_iterable(_stream(data, match.start()) for match in STREAM.finditer(data))


def _stream(data: bytes, start: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(wbits=47)  # zlib or gzip, whichever it is
    size, position = 0, start
    while position < len(data) and not engine.eof:
        try:
            chunk = engine.decompress(data[position : position + (1 << 16)], CHUNK)
            while chunk:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise TooLargeError
                if size >= ENOUGH:
                    yield chunk
                chunk = engine.decompress(engine.unconsumed_tail, CHUNK) if engine.unconsumed_tail else b""
        except zlib.error:
            return
        position += 1 << 16


def _quietly(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks until one cannot be unpacked: what only begins like a format is none, and was read as it is."""
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > MOST_BYTES:
                break
            yield chunk
    except (OSError, EOFError, ValueError, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException, NotImplementedError):
        return
    if size > MOST_BYTES:
        raise TooLargeError


def _opened(file: io.BufferedIOBase | pa.NativeFile) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _bzip2(data: bytes) -> Iterator[bytes]:
    with bz2.open(io.BytesIO(data)) as file:
        yield from _opened(file)


def _xz(data: bytes) -> Iterator[bytes]:
    with lzma.open(io.BytesIO(data)) as file:
        yield from _opened(file)


def _framed(data: bytes) -> Iterator[bytes]:
    yield from _opened(pa.CompressedInputStream(pa.BufferReader(data), FRAMES[data[:4]]))


def _zip(data: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                yield from _opened(file)


def _arrow(data: bytes) -> Iterator[bytes]:
    with pa.ipc.open_file(pa.BufferReader(data)) as reader:
        for i in range(reader.num_record_batches):
            yield from _buffers(reader.get_batch(i).columns)


def _parquet(data: bytes) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches():
        yield from _buffers(batch.columns)


def _buffers(columns: list[pa.Array]) -> Iterator[bytes]:
    """Yield what columns consist of, unpacked; also values that no row points to any more."""
    for buffer in chain.from_iterable(column.buffers() for column in columns):
        if buffer is not None:
            yield from (bytes(buffer[i : i + CHUNK]) for i in range(0, buffer.size, CHUNK))


WHOLE: Final[Mapping[bytes, Callable[[bytes], Iterator[bytes]]]] = {
    b"BZh": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    b"PK\x03\x04": _zip,
    b"ARROW1": _arrow,
    b"PAR1": _parquet,
    **dict.fromkeys(FRAMES, _framed),
}
