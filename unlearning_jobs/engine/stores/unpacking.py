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
from typing import Final, Protocol

import pyarrow as pa

from .store import CHUNK

NOT_UNPACKED: Final = (
    "Not looked into: what PostgreSQL compresses one by one (values with pglz or LZ4, pages in its log), blocks of LZ4,"
    " Snappy and Brotli without a frame, quantised vectors, and what is encrypted."
)
MOST_BYTES: Final = 1 << 30
"""Of one stream, unpacked: a small file may unpack to anything."""
LARGEST: Final = 1 << 30
"""An archive, or another file that must be unpacked as a whole, is not if it is larger; the result says so."""
STREAM: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
FRAMES: Final[Mapping[bytes, str]] = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}


class TooLargeError(Exception):
    """What is packed is too large to look into."""


class Sink(Protocol):
    """Takes bytes in chunks."""

    def add(self, chunk: bytes) -> None: ...


class Unpacking:
    """Unpacks what is packed in bytes that come in chunks, and gives it to whoever counts.

    `whole` says whether all of it could be; what only begins like something packed is none, and was read as it is.
    """

    def __init__(self, begin: Callable[[], Sink]) -> None:
        self.whole = True
        self._begin = begin
        self._streams: list[_Stream] = []
        self._tail = b""
        self._kept: bytearray | None = bytearray()

    def add(self, chunk: bytes) -> None:
        self._keep(chunk)
        self._streams = [stream for stream in self._streams if self._goes_on(stream, chunk)]
        data = self._tail + chunk
        for match in STREAM.finditer(data):
            if match.end() > len(self._tail):  # or it was seen with the last chunk
                stream = _Stream(self._begin())
                if self._goes_on(stream, memoryview(data)[match.start() :]):
                    self._streams.append(stream)
        self._tail = data[-2:]

    def end(self) -> None:
        """Unpack what must be unpacked as a whole. No more may come."""
        for magic, unpack in WHOLE.items():
            if self._kept is not None and self._kept.startswith(magic):
                sink = self._begin()
                try:
                    for chunk in _quietly(unpack(bytes(self._kept))):
                        sink.add(chunk)
                except TooLargeError:
                    self.whole = False

    def _goes_on(self, stream: _Stream, chunk: bytes | memoryview) -> bool:
        try:
            return stream.add(chunk)
        except TooLargeError:
            self.whole = False
            return False

    def _keep(self, chunk: bytes) -> None:
        """Keep the bytes of a file that must be unpacked as a whole; of others only where they begin."""
        if self._kept is None:
            return
        self._kept += chunk
        if len(self._kept) >= LONGEST_MAGIC and not self._kept.startswith(tuple(WHOLE)):
            self._kept = None
        elif len(self._kept) > LARGEST:
            self._kept, self.whole = None, False


class _Stream:
    """A stream of gzip or zlib, or what looks like the beginning of one."""

    def __init__(self, sink: Sink) -> None:
        self._engine, self._sink, self._size = zlib.decompressobj(wbits=47), sink, 0

    def add(self, chunk: bytes | memoryview) -> bool:
        """Unpack more of it, and say whether it goes on.

        Raises:
            TooLargeError: it unpacks to too much.
        """
        packed: bytes | memoryview = chunk
        while packed and not self._engine.eof:
            try:
                out = self._engine.decompress(packed, CHUNK)
            except zlib.error:
                return False
            self._size += len(out)
            if self._size > MOST_BYTES:
                raise TooLargeError
            self._sink.add(out)
            packed = self._engine.unconsumed_tail
        return not self._engine.eof


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
LONGEST_MAGIC: Final = max(map(len, WHOLE))
