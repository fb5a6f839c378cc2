"""Corpora in an object store, here a server that speaks S3, are read where they lie, as files of this machine are."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow.fs import FileSystem

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.corpora import ReadOptions, Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.object_store import StoreAddress, given_place
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.sweeping import Asked, find_shards, shards, sweep

ASKED = Asked.of([Query("LE-1/name", "name", "Ada Beispiel")])
ROWS = [{"id": f"doc-{number}", "text": f"Row {number} says nothing."} for number in range(400)]
ROWS[7]["text"] = "Then Ada Beispiel came."


class Store:
    """A bucket, and how it is reached."""

    def __init__(self, port: int) -> None:
        self.how = f"endpoint_override=localhost:{port}&scheme=http&region=us-east-1&allow_bucket_creation=true"
        self.files, _ = FileSystem.from_uri(f"s3://crawl?{self.how}")
        self.files.create_dir("crawl")

    def put(self, key: str, content: bytes) -> None:
        with self.files.open_output_stream(f"crawl/{key}", compression=None) as stream:
            stream.write(content)

    def put_all(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(path.relative_to(folder.parent).as_posix(), path.read_bytes())

    def address(self, key: str) -> StoreAddress:
        given = given_place(f"s3://crawl/{key}?{self.how}")
        assert isinstance(given, StoreAddress)
        return given


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def store(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tester")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = Store(port)
    yield store
    store.files.delete_dir_contents("crawl")


def lines(folder: Path) -> None:
    write_jsonl(folder / "part-0.jsonl", ROWS[:200])
    write_jsonl(folder / "part-1.jsonl", ROWS[200:])


def compressed(folder: Path) -> None:
    content = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    (folder / "part.jsonl.gz").write_bytes(gzip.compress(content))
    with pa.CompressedOutputStream(str(folder / "rest.jsonl.zst"), "zstd") as stream:
        stream.write(b'{"text": "One more."}\n')


def parquet(folder: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "part.parquet", row_group_size=50)


def arrow(folder: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(folder / "part.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def arrays(folder: Path) -> None:
    np.savez(folder / "digits.npz", x=np.arange(60.0).reshape(20, 3), y=np.arange(20) % 2)


def texts(folder: Path) -> None:
    (folder / "letters").mkdir()
    (folder / "letters" / "one.txt").write_text("Ada Beispiel wrote.\n\nNobody answered.")


@pytest.mark.parametrize("write", [lines, compressed, parquet, arrow, arrays, texts])
def test_a_folder_in_a_store_is_registered_as_the_same_folder_here(
    store: Store, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write(folder)
    store.put_all(folder)
    salt = bytes(32)
    here = snapshot_create([folder], tmp_path / "here", salt=salt)
    there = snapshot_create([store.address("corpus")], tmp_path / "there", salt=salt)
    assert there.digest == here.digest
    assert list(Snapshot.open(tmp_path / "there").examples()) == list(Snapshot.open(tmp_path / "here").examples())


@pytest.mark.parametrize("write", [lines, compressed, parquet, arrow])
def test_a_sweep_of_a_store_finds_what_a_sweep_of_the_folder_finds(
    store: Store, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write(folder)
    store.put_all(folder)
    sweep(find_shards([folder], ReadOptions()), ASKED, tmp_path / "here")
    sweep(find_shards([store.address("corpus")], ReadOptions()), ASKED, tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes() != b""


def test_one_object_is_swept_by_the_command_and_the_address_is_never_written_with_how_it_is_reached(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put("alone.jsonl", b'{"text": "Then Ada Beispiel came."}\n')
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"id": "LE-1/name", "kind": "name", "value": "Ada Beispiel"}\n')
    address = store.address("alone.jsonl").text
    assert main(["sweep", address, "--queries", str(asked), "--out", str(tmp_path / "out"), "--progress", "none"]) == 0
    written = capsys.readouterr().out + "".join(path.read_text() for path in tmp_path.glob("out*"))
    assert "1 matches" in written
    assert "endpoint" not in written


def test_an_object_that_was_replaced_by_one_of_equal_size_is_swept_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "TOGETHER", 1)
    store.put("corpus/a.jsonl", b'{"text": "Then Ada Beispiel came."}\n')
    store.put("corpus/b.jsonl", b'{"text": "Nobody came."}\n')

    def stops(progress: object) -> None:
        if getattr(progress, "done", 0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(find_shards([store.address("corpus")], ReadOptions()), ASKED, tmp_path / "out", on_progress=stops)
    store.put("corpus/a.jsonl", b'{"text": "Then Ida Beispiel came."}\n')
    sweep(find_shards([store.address("corpus")], ReadOptions()), ASKED, tmp_path / "out")
    assert "Beispiel" not in (tmp_path / "out").read_text()
    assert (tmp_path / "out").read_bytes() == b""


def test_an_object_that_vanishes_during_a_sweep_is_named_and_the_others_are_swept(store: Store, tmp_path: Path) -> None:
    store.put("corpus/a.jsonl", b'{"text": "Nobody came."}\n')
    store.put("corpus/b.jsonl", b'{"text": "Then Ada Beispiel came."}\n')
    planned = find_shards([store.address("corpus")], ReadOptions())
    store.files.delete_file("crawl/corpus/a.jsonl")
    summary = sweep(planned, ASKED, tmp_path / "out")
    assert summary.total.matches == 1
    assert not summary.complete
    assert any("corpus/a.jsonl cannot be read" in line for line in summary.total.unreadable)


def test_what_a_store_refuses_is_not_called_damaged(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    parquet(folder)
    store.put_all(folder)
    planned = find_shards([store.address("corpus")], ReadOptions())
    store.files.delete_file("crawl/corpus/part.parquet")
    with pytest.raises(CorpusError, match="cannot be read"):
        list(planned[0].files[0].open())
    summary = sweep(planned, ASKED, tmp_path / "out")
    assert "Parquet" not in " ".join(summary.total.unreadable)


@pytest.mark.parametrize(
    ("key", "words"), [("nothing", "nothing at this address"), ("../other", "cannot be read")], ids=["nothing", "outside"]
)
def test_an_address_without_anything_is_said(store: Store, key: str, words: str) -> None:
    with pytest.raises(CorpusError, match=words):
        find_shards([store.address(key)], ReadOptions())


def test_a_bucket_that_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(CorpusError, match="there is no such bucket"):
        find_shards([StoreAddress(f"s3://none/corpus?{store.how}")], ReadOptions())


@pytest.mark.parametrize(
    "address",
    [
        "s3://name:word@crawl/corpus",
        "s3://NAME:wo/rd#word@crawl/corpus",
        "s3://word@crawl/corpus",
        "s3://crawl/corpus?secret_key=word",
        "s3://crawl/corpus?scheme=http;secret_key=word&session=word",
    ],
)
def test_an_address_that_may_hold_a_key_is_refused_and_not_quoted(address: str) -> None:
    with pytest.raises(CorpusError, match="Keep keys out") as error:
        given_place(address)
    assert not {"word", "wo/rd", "NAME"} & set(str(error.value).replace("/", " ").split())


@pytest.mark.parametrize("address", ["s3://crawl]/x", "s3://[x", "s3:///x", "s3://", "s3://-/x"])
def test_what_names_no_bucket_is_refused(address: str) -> None:
    with pytest.raises(CorpusError, match="no address of a bucket"):
        given_place(address)


def test_an_object_and_others_below_it_are_told_apart(store: Store) -> None:
    store.put("corpus.jsonl", b'{"text": "One."}\n')
    store.put("corpus.jsonl/part-0.jsonl", b'{"text": "Two."}\n')
    with pytest.raises(CorpusError, match="end the address with /"):
        find_shards([store.address("corpus.jsonl")], ReadOptions())
    [shard] = find_shards([store.address("corpus.jsonl/")], ReadOptions())
    assert [file.name for file in shard.files] == ["corpus.jsonl/part-0.jsonl"]


@pytest.mark.parametrize("key", ["a%20b", "data#2", "a b", "größe", "a+b&c=d"])
def test_an_address_is_taken_letter_by_letter(store: Store, key: str) -> None:
    store.put(f"{key}/one.jsonl", b'{"text": "One."}\n')
    [shard] = find_shards([store.address(key)], ReadOptions())
    assert [file.name for file in shard.files] == [f"{key}/one.jsonl"]


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(CorpusError, match="no addresses ftp://"):
        given_place("ftp://crawl/corpus")


def test_hidden_objects_are_counted_and_a_sweep_without_them_is_not_complete(store: Store, tmp_path: Path) -> None:
    store.put("corpus/a.jsonl", b'{"text": "Nobody came."}\n')
    store.put("corpus/.part/b.jsonl", b'{"text": "Then Ada Beispiel came."}\n')
    summary = sweep(find_shards([store.address("corpus")], ReadOptions()), ASKED, tmp_path / "out")
    assert (summary.aside, summary.complete) == (("corpus/.part/b.jsonl",), False)
