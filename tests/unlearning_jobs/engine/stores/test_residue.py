"""What is found in raw bytes, however an engine has written it, and what is not mistaken for it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlearning_jobs.engine.stores import unpacking
from unlearning_jobs.engine.stores.files import file_places, folder_places
from unlearning_jobs.engine.stores.needles import make_needles
from unlearning_jobs.engine.stores.residue import PlaceRead, read_back
from unlearning_jobs.engine.stores.scanning import Scanner
from unlearning_jobs.engine.stores.store import Document, Place, Vector

TEXT = "Zoë Quill, born 1961, told the “Harbour Ledger”\nthat she had never been to Reykjavík at all."


def _vector(seed: int) -> Vector:
    return np.random.default_rng(seed).normal(size=64).astype(np.float32)


VECTOR = _vector(1)
UNIT = VECTOR / np.linalg.norm(VECTOR)
OTHERS = [Document(f"other-{i}", f"Other text number {i}.", _vector(9 + i)) for i in range(20)]
NOISE = np.random.default_rng(5).bytes(3000)


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(make_needles([Document("a-long-key-of-hers", TEXT, VECTOR)], OTHERS))


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
    return file.getvalue()


def _parquet(content: bytes) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": [content]}), file, compression="zstd")
    return file.getvalue()


def _arrow(content: bytes) -> bytes:
    file, table = io.BytesIO(), pa.table({"text": [content]})
    with pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return file.getvalue()


TEXTS: Mapping[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-16 little": lambda text: text.encode("utf-16-le"),
    "utf-16 big": lambda text: text.encode("utf-16-be"),
    "json": lambda text: json.dumps(text).encode(),
    "json with letters": lambda text: json.dumps(text, ensure_ascii=False).encode(),
    "small letters": lambda text: text.lower().encode(),
    "the end of it": lambda text: text[-40:].encode(),
    "a middle of 39 letters": lambda text: text[5:44].encode(),
}
VECTORS: Mapping[str, Callable[[Vector], bytes]] = {
    "float32": lambda vector: vector.astype("<f4").tobytes(),
    "float16": lambda vector: vector.astype("<f2").tobytes(),
    "float64": lambda vector: vector.astype("<f8").tobytes(),
    "float64 big": lambda vector: vector.astype(">f8").tobytes(),
    "pickled": lambda vector: pickle.dumps(vector.astype(float).tolist()),
    "rounded otherwise": lambda vector: (vector * np.float32(1.0000004)).tobytes(),
    "eight numbers": lambda vector: vector[13:21].tobytes(),
}
PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip inside": lambda content: b"pages" + gzip.compress(content) + b"more",
    "zlib": lambda content: b"page" + zlib.compress(content) + zlib.compress(b"other"),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    "lz4": lambda content: pa.compress(content, codec="lz4", asbytes=True),
    "zip": _zip,
    "parquet": _parquet,
    "arrow": _arrow,
}


@pytest.mark.parametrize("way", TEXTS)
def test_texts_are_found_however_they_are_written(way: str, scanner: Scanner) -> None:
    assert _read(NOISE + TEXTS[way](TEXT) + NOISE, scanner).texts > 0


@pytest.mark.parametrize("way", VECTORS)
@pytest.mark.parametrize("vector", [VECTOR, UNIT], ids=["as it is", "scaled to length 1"])
def test_vectors_are_found_however_they_are_written(way: str, vector: Vector, scanner: Scanner) -> None:
    assert _read(NOISE[:1001] + VECTORS[way](vector) + NOISE, scanner).vectors > 0


@pytest.mark.parametrize("way", PACKED)
def test_texts_are_found_in_what_is_packed(way: str, scanner: Scanner) -> None:
    packed = PACKED[way](NOISE + TEXT.encode() + NOISE)
    read = _read(packed, scanner)
    assert read.texts > 0
    assert read.unpacked


def test_what_is_packed_in_what_is_packed_for_another_reader_does_not_stop_the_reading(scanner: Scanner) -> None:
    for damaged in (
        gzip.compress(TEXT.encode())[:30],
        b"PK\x03\x04" + NOISE,
        b"ARROW1" + NOISE,
        b"PAR1" + NOISE,
        b"BZh" + NOISE,
    ):
        assert not _read(damaged, scanner).unreadable


def test_the_key_is_looked_for_too(scanner: Scanner) -> None:
    assert _read(b"..a-long-key-of-hers..", scanner).texts == 1


@pytest.mark.parametrize("size", [31, 500, 513, 4096])
def test_what_lies_across_chunks_is_found_once(size: int, scanner: Scanner) -> None:
    content = NOISE + TEXT.encode() + VECTOR.tobytes() + NOISE
    whole = _read(content, scanner)
    in_chunks = _read(content, scanner, size=size)
    assert (in_chunks.texts, in_chunks.vectors, in_chunks.sha256) == (whole.texts, whole.vectors, whole.sha256)


def test_documents_that_stay_and_noise_are_not_mistaken_for_it(scanner: Scanner) -> None:
    texts = "".join(document.text for document in OTHERS).encode()
    vectors = b"".join(vector.tobytes() for one in OTHERS if (vector := one.vector) is not None)
    read = _read(texts + vectors + np.random.default_rng(2).bytes(1 << 20), scanner)
    assert (read.texts, read.vectors) == (0, 0)


def test_what_a_document_shares_with_one_that_stays_is_not_residue() -> None:
    shared = "This licence is the same in all of them. "
    needles = make_needles([Document("k1", shared + TEXT, VECTOR)], [Document("k2", shared, VECTOR)])
    scanner = Scanner(needles)
    assert _read(shared.encode() + VECTOR.tobytes(), scanner).texts == 0
    assert _read(shared.encode() + VECTOR.tobytes(), scanner).vectors == 0
    assert _read(TEXT.encode(), scanner).texts > 0


def test_a_document_with_nothing_of_its_own_is_counted() -> None:
    assert make_needles([Document("k1", "hello", None)], []).untellable == 1
    assert make_needles([Document("k1", TEXT, VECTOR)], [Document("k1", TEXT, VECTOR)]).untellable == 1


def test_vectors_of_zeros_say_nothing_and_do_not_match_empty_pages() -> None:
    needles = make_needles(
        [Document("k1", TEXT, np.zeros(64, dtype=np.float32)), Document("k2", TEXT, np.ones(64, dtype=np.float32))], []
    )
    assert len(needles.stretches) == 0
    assert _read(bytes(10000), Scanner(needles)).clean


def test_a_file_that_unpacks_to_too_much_is_said(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1 << 16)
    for packed in (gzip.compress(bytes(1 << 20)), bz2.compress(bytes(1 << 20))):
        read = _read(packed, scanner)
        assert not read.unpacked
        assert not read.clean


@pytest.mark.parametrize("size", [40, 511, 1 << 20])
def test_what_is_packed_is_found_across_chunks_and_once(size: int, scanner: Scanner) -> None:
    packed = NOISE + zlib.compress(NOISE + TEXT.encode() + VECTOR.tobytes() + NOISE) + NOISE
    read = _read(packed, scanner, size=size)
    assert (read.texts, read.vectors) == (_read(TEXT.encode(), scanner).texts, 16)


def test_an_archive_that_is_too_large_to_unpack_is_said_and_other_large_files_are_read(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 1000)
    assert not _read(_zip(NOISE), scanner).clean
    assert _read(NOISE, scanner).clean
    assert _read(NOISE + gzip.compress(TEXT.encode()), scanner).texts > 0


def test_a_link_and_a_file_that_is_gone_are_unreadable(scanner: Scanner, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "link").symlink_to(tmp_path / "elsewhere")
    (store / "file").write_bytes(b"x")
    places = file_places(store)
    (store / "file").unlink()
    assert [read.unreadable for read in read_back(places, scanner)] == [True, True]
    assert [read.unreadable for read in read_back(folder_places(tmp_path / "no cache", 1), scanner)] == [True]


def _read(content: bytes, scanner: Scanner, size: int = 1 << 20) -> PlaceRead:
    def chunks() -> Iterator[bytes]:
        return (content[start : start + size] for start in range(0, len(content), size))

    return read_back([Place("file", "store", chunks)], scanner)[0]
