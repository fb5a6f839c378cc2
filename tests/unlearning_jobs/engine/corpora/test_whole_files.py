"""Files that end early, go on behind their end, or repeat a name: nothing of them is dropped without a word."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unlearning_jobs.engine.corpora.made import read, report, texts, written
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.sweeping import Asked, find_shards, sweep

ONE, TWO = pa.record_batch({"text": ["one"], "n": pa.array([-1], pa.int32())}), pa.record_batch({"text": ["two"], "n": [2]})
TWO = TWO.cast(ONE.schema)


def ipc(*batches: Any, form: Any = pa.ipc.new_stream, **options: Any) -> bytes:
    out = io.BytesIO()
    with form(out, ONE.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return out.getvalue()


# -- JSON


@pytest.mark.parametrize("rest", ['[{"text": "b"}]', '\n\n[{"text": "b"}]', ',{"text": "b"}', '{"text": "b"}\n', "]"])
@pytest.mark.parametrize("space", [0, 1 << 19], ids=["at once", "far behind"])
def test_an_array_that_something_follows_is_refused_with_what_helps(tmp_path: Path, rest: str, space: int) -> None:
    path = written(tmp_path / "a.json", '[{"text": "a"}]' + " " * space + rest)
    with pytest.raises(CorpusError, match=r"a\.json: something follows the end.*one array per file, or one object per line"):
        read(path)


def test_white_space_behind_an_array_is_nothing(tmp_path: Path) -> None:
    assert texts(written(tmp_path / "a.json", '[{"text": "a"}]' + "\r\n\t " * (1 << 17))) == [("", "a")]


def test_a_name_that_is_repeated_very_often_takes_no_time_that_grows_with_its_square(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "a", ' + ", ".join(['"k": 1'] * 100_000) + "}\n")
    begun = time.perf_counter()
    read(path)
    assert time.perf_counter() - begun < 30  # its square would take an hour


# -- Arrow


def test_a_stream_that_was_cut_between_two_batches_is_refused(tmp_path: Path) -> None:
    whole = ipc(ONE, TWO)
    cut = ipc(ONE)[:-8]
    assert whole.startswith(cut)
    assert cut.endswith(b"\xff\xff\xff\xff\0\0\0\0")  # a value that looks like the mark at the end
    with pytest.raises(CorpusError, match="has no end, as if it had been cut off"):
        read(written(tmp_path / "a.arrow", cut))


@pytest.mark.parametrize("form", [pa.ipc.new_stream, pa.ipc.new_file])
@pytest.mark.parametrize("rest", [ipc(TWO), ipc(TWO, form=pa.ipc.new_file), b"\0" * 8], ids=["stream", "file", "zeros"])
def test_arrow_data_that_something_follows_is_refused(tmp_path: Path, form: Any, rest: bytes) -> None:
    with pytest.raises(CorpusError, match=r"something follows the end of the Arrow data|not readable as Arrow"):
        read(written(tmp_path / "a.arrow", ipc(ONE, form=form) + rest))


@pytest.mark.parametrize("form", [pa.ipc.new_stream, pa.ipc.new_file])
@pytest.mark.parametrize("options", [{}, {"use_legacy_format": True}, {"compression": "zstd"}], ids=str)
def test_whole_streams_and_files_are_read_in_every_format(tmp_path: Path, form: Any, options: dict[str, Any]) -> None:
    path = written(tmp_path / "a.arrow", ipc(ONE, TWO, form=form, **options))
    assert texts(path) == [("", "one"), ("", "two")]


def columns_of_one_name() -> Any:
    twice = pa.StructArray.from_arrays([pa.array(["s1"]), pa.array(["s2"])], names=["k", "k"])
    listed = pa.ListArray.from_arrays([0, 1], twice)
    columns = [pa.array([value]) for value in ("one", "m1", "m2")] + [twice, listed]
    return pa.Table.from_arrays(columns, names=["text", "m", "m", "s", "l"])


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_of_columns_and_fields_of_one_name_every_value_is_kept_as_in_json(tmp_path: Path, ending: str) -> None:
    table, path = columns_of_one_name(), tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    [found] = read(path)
    json = '{"text": "one", "m": "m1", "m": "m2", "s": {"k": "s1", "k": "s2"}, "l": [{"k": "s1", "k": "s2"}]}'
    [from_json] = read(written(tmp_path / "a.jsonl", json))
    values = {name: sorted(re.findall(r"[ms]\d", value)) for name, value in found.row.metadata.items()}
    assert values == {"m": ["m2"], "m (2)": ["m1"], "s": ["s1", "s2"], "l": ["s1", "s2"]}
    assert values == {name: sorted(re.findall(r"[ms]\d", value)) for name, value in from_json.row.metadata.items()}


def test_a_value_that_python_does_not_have_refuses_the_file_by_name(tmp_path: Path) -> None:
    late = pa.array([1 << 60]).cast(pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["one"], "when": late.cast(pa.timestamp("ms"), safe=False)}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet: not readable as Parquet"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("texts_behind", [["two"], ["two, and longer"] * 50], ids=["as long", "longer"])
def test_parquet_files_that_were_joined_are_refused(tmp_path: Path, texts_behind: list[str]) -> None:
    contents = []
    for column in (["one"], texts_behind):
        pq.write_table(pa.table({"text": column}), tmp_path / "one.parquet")
        contents.append((tmp_path / "one.parquet").read_bytes())
    with pytest.raises(CorpusError, match=r"another Parquet file follows in it|not readable as Parquet"):
        read(written(tmp_path / "a.parquet", b"".join(contents)))


def test_indexes_behind_the_columns_of_a_parquet_file_are_no_other_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["PAR1", "two"]}), tmp_path / "a.parquet", write_page_index=True)
    assert texts(tmp_path / "a.parquet") == [("", "PAR1"), ("", "two")]


def test_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "a.npz", x=x, y=np.array([0, 1]), label=np.array(["Ada", "Bo"]))
    with pytest.raises(CorpusError, match="have one name"):
        read(tmp_path / "a.npz")


# -- WebDataset

SHARD = tar(("1.txt", b"one"), ("2.txt", b"two"))
MEMBER = 1024
"""Bytes of a small member with its header."""


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (SHARD + tar(("3.txt", b"three")), "something follows the end of the archive.*tar --ignore-zeros"),
        (SHARD + b"x", "something follows the end of the archive"),
        (SHARD[:MEMBER], "not readable as tar, or not to its end"),
        (SHARD[: 2 * MEMBER], "not readable as tar, or not to its end"),
        (SHARD[: MEMBER + 700], "not readable as tar, or not to its end"),
        (SHARD[:MEMBER] + b"x" * 512 + SHARD[MEMBER + 512 :], "not readable as tar, or not to its end"),
    ],
    ids=["another", "a byte", "one member", "both members", "half a member", "a damaged header"],
)
def test_an_archive_that_ends_early_or_goes_on_is_refused(
    tmp_path: Path, content: bytes, complaint: str, *, packed: bool
) -> None:
    path = written(tmp_path / ("a.tar.gz" if packed else "a.tar"), gzip.compress(content) if packed else content)
    with pytest.raises(CorpusError, match=complaint):
        read(path)


@pytest.mark.parametrize("zeros", [512, 1024, 1 << 20])
def test_an_archive_may_be_filled_up_with_zeros(tmp_path: Path, zeros: int) -> None:
    assert texts(written(tmp_path / "a.tar", SHARD[: 2 * MEMBER] + b"\0" * zeros)) == [("", "one"), ("", "two")]


def test_a_sample_with_two_members_of_one_name_is_broken(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", tar(("1.txt", b"Ada"), ("1.TXT", b"one"), ("2.txt", b"two"), ("3.txt", b"three")))
    with pytest.raises(CorpusError, match=r"line 1: two members of one name are called \.txt; pack each"):
        read(path)
    [skipped] = report(path, skips_broken=True).skipped
    assert (skipped.reason, skipped.places) == ("broken", ("a.tar, line 1",))


APART = [("0.txt", b"one"), ("1.txt", b"two"), ("0.cls", b"a"), ("1.cls", b"b")]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("members", [APART, [*sorted(APART), ("./0.json", b"{}")]])
def test_members_of_one_row_that_do_not_follow_each_other_are_refused(
    tmp_path: Path, members: list[tuple[str, bytes]], *, packed: bool
) -> None:
    path = (
        written(tmp_path / "a.tar.gz", gzip.compress(tar(*members)))
        if packed
        else written(tmp_path / "a.tar", tar(*members))
    )
    with pytest.raises(CorpusError, match=r"row 3 has the name of an earlier row.*--sort=name"):
        read(path, skips_broken=True)
    assert len(read(written(tmp_path / "b.tar", tar(*sorted(APART))))) == 2


def test_a_sweep_reads_members_that_do_not_follow_each_other_and_is_not_complete(tmp_path: Path) -> None:
    members = [(f"{number}.txt", b"Then Ada Beispiel came.") for number in range(200)]  # more than the first look reads
    path = written(tmp_path / "a.tar", tar(*members, ("7.cls", b"1")))
    summary = sweep(find_shards([path], ReadOptions()), Asked.of([Query("q1", "name", "Ada Beispiel")]), tmp_path / "out")
    assert (summary.total.matches, summary.total.rows, summary.complete) == (200, 201, False)
    assert summary.total.unreadable[0].startswith("a.tar: row 201 has the name of an earlier row")


def test_members_for_one_column_are_all_kept_and_count_before_what_an_object_says(tmp_path: Path) -> None:
    members = [("1.json", b'{"text": "said", "broken": "b"}'), ("1.text", b"one"), ("1.txt", b"more"), ("2.txt", b"two")]
    first, _ = read(written(tmp_path / "a.tar", tar(*members)))
    assert first.row.completion == "one"
    assert first.row.metadata == {"__key__": "1", "broken": "b", "json.text": "said", "txt": "more"}


def test_no_member_hides_that_a_row_is_broken(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", tar(("1.pyd", b""), ("1.broken", b"no"), ("1.txt", b"one"), ("2.txt", b"two")))
    with pytest.raises(CorpusError, match="nothing is unpickled"):
        read(path)


# -- In a sweep


def test_a_sweep_names_a_file_that_goes_on_behind_its_end_and_is_not_complete(tmp_path: Path) -> None:
    rows = ", ".join(f'{{"text": "Row {number}."}}' for number in range(200))  # more than the first look reads
    written(tmp_path / "crawl" / "a.json", f'[{rows}]\n[{{"text": "Then Ada Beispiel came."}}]')
    shards = find_shards([tmp_path / "crawl"], ReadOptions())
    summary = sweep(shards, Asked.of([Query("q1", "name", "Ada Beispiel")]), tmp_path / "out")
    assert [line.partition(";")[0] for line in summary.total.unreadable] == [
        "crawl/a.json: something follows the end of the JSON array"
    ]
    assert not summary.complete
