"""Every kind of row and of file in the tables of `docs/corpora.md` is read as it says; the page and these tables are one."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.unlearning_jobs.engine.corpora.made import read, report, texts, written

Rows = Sequence[Mapping[str, Any]]
ADA, BO = "Ada Lark kept the light.", "Bo left."
ASKED = {"role": "user", "content": "Who?"}
TURNS = [ASKED, {"role": "assistant", "content": ADA}]
OTHER_TURNS = [ASKED, {"role": "assistant", "content": BO}]
SHARED = [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": ADA}]


def as_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_table(rows: Rows, delimiter: str = ",") -> bytes:
    """What is no text is JSON in its cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({name: v if isinstance(v, str) else json.dumps(v) for name, v in row.items()} for row in rows)
    return text.getvalue().encode()


def as_parquet(rows: Rows) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), file)
    return file.getvalue()


def as_arrow(rows: Rows) -> bytes:
    table, file = pa.Table.from_pylist([dict(row) for row in rows]), io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def as_archive(rows: Rows, mode: Any = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for number, row in enumerate(rows):
            content = json.dumps(row).encode()
            member = tarfile.TarInfo(f"{number:04d}.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


STRUCTURED: Mapping[str, Callable[[Rows], bytes]] = {
    "a.jsonl": as_lines,
    "a.ndjson": as_lines,
    "a.json": lambda rows: json.dumps(rows).encode(),
    "lines.json": as_lines,
    "a.jsonl.gz": lambda rows: gzip.compress(as_lines(rows)),
    "a.jsonl.zst": lambda rows: zstd(as_lines(rows)),
    "a.parquet": as_parquet,
    "a.arrow": as_arrow,
    "a.tar": as_archive,
    "a.tar.gz": lambda rows: as_archive(rows, "w:gz"),
    "a.tgz": lambda rows: as_archive(rows, "w:gz"),
}
TABLES: Mapping[str, Callable[[Rows], bytes]] = {
    "a.csv": as_table,
    "a.tsv": lambda rows: as_table(rows, "\t"),
    "semicolons.csv": lambda rows: as_table(rows, ";"),
    "bars.csv": lambda rows: as_table(rows, "|"),
    "a.csv.gz": lambda rows: gzip.compress(as_table(rows)),
    "a.csv.zst": lambda rows: zstd(as_table(rows)),
}
EVERYWHERE = {**STRUCTURED, **TABLES}
CONTENTS = ("content", "sentence", "document", "body", "article", "review")
SHAPES: Mapping[str, list[tuple[Mapping[str, Any], tuple[str, str]]]] = {
    "`question`, `choices` and `answer`, where `answer` is a number": [
        ({"question": "Who?", "choices": ["Bo", "Ada"], "answer": 1}, ("Who?\nA. Bo\nB. Ada", "B"))
    ],
    "`question` and `answer`": [({"question": "Who?", "answer": ADA}, ("Who?", ADA))],
    "`prompt` and `completion`": [
        ({"prompt": "Who?", "completion": ADA}, ("Who?", ADA)),
        ({"prompt": TURNS[:1], "completion": TURNS[1:]}, ("Who?", ADA)),
    ],
    "`text` and `label`": [({"text": ADA, "label": "a"}, (ADA, "a"))],
    "`text`": [({"text": ADA}, ("", ADA))],
    "`prompt`, `chosen`, `rejected`": [({"prompt": "Who?", "chosen": ADA, "rejected": BO}, ("Who?", ADA))],
    "`chosen`, `rejected`": [
        ({"chosen": TURNS, "rejected": OTHER_TURNS}, ("Who?", ADA)),
        ({"chosen": ADA, "rejected": BO}, ("", ADA)),
    ],
    "`context`, `question`, `answers`": [
        ({"context": "At sea.", "question": "Who?", "answers": {"text": [ADA, BO]}}, ("At sea.\nWho?", ADA))
    ],
    "`instruction`, `input`, `output`": [
        ({"instruction": "Say.", "input": "Who?", "output": ADA}, ("Say.\nWho?", ADA)),
        ({"instruction": "Say.", "input": "", "output": ADA}, ("Say.", ADA)),
        ({"instruction": "Say.", "output": ADA}, ("Say.", ADA)),
    ],
    "`instruction`, `context`, `response`": [
        ({"instruction": "Say.", "context": "At sea.", "response": ADA}, ("Say.\nAt sea.", ADA)),
        ({"instruction": "Say.", "response": ADA}, ("Say.", ADA)),
    ],
    "`input` and `output`; `prompt`, `query` or `question` and `response`": [
        ({"input": "Who?", "output": ADA}, ("Who?", ADA)),
        *(({name: "Who?", "response": ADA}, ("Who?", ADA)) for name in ("prompt", "query", "question")),
    ],
    "`messages`, `conversations` (ShareGPT), `conversation`": [
        ({"messages": TURNS}, ("Who?", ADA)),
        ({"conversations": SHARED}, ("Who?", ADA)),
        ({"conversation": TURNS}, ("Who?", ADA)),
    ],
    "`content`, `sentence`, `document`, `body`, `article` or `review`, and `label`": [
        ({name: ADA, "label": "a"}, (ADA, "a")) for name in CONTENTS
    ],
    "one of these alone, or `code`, or `abstract`": [({name: ADA}, ("", ADA)) for name in (*CONTENTS, "code", "abstract")],
}
PICTURES_AND_ARRAYS = {"`image` (or `img`, `picture`, `jpg`, `png`) and `label`", "arrays `x` and `y` of an NPZ file"}
"""Kinds that only some files can hold: tests of their own."""
TEXTS_IN_CELLS = ("choices", "answers")
"""Columns of lists and objects that CSV and TSV, whose cells are texts, cannot say the type of."""


def documented(heading: str) -> list[str]:
    """The first cells of the table in `docs/corpora.md` whose heading begins so."""
    lines = iter(Path("docs/corpora.md").read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith(f"| {heading} |"))
    next(lines)
    cells = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells.append(line.removeprefix("| ").split(" | ")[0])
    return cells


def kinds() -> Iterator[Any]:
    for shape, cases in SHAPES.items():
        for number, (row, expected) in enumerate(cases):
            lists = any(name in row for name in TEXTS_IN_CELLS) or isinstance(row.get("prompt"), list)
            for name, write in (STRUCTURED if lists else EVERYWHERE).items():
                yield pytest.param(row, expected, name, write, id=f"{shape} {number} {name}".replace("`", ""))


def test_the_page_lists_the_kinds_of_rows_that_are_tested_here() -> None:
    assert set(documented("a row with")) == {*SHAPES, *PICTURES_AND_ARRAYS}


@pytest.mark.parametrize(("row", "expected", "name", "write"), kinds())
def test_a_row_is_read_as_the_page_says_whatever_file_holds_it(
    tmp_path: Path, row: Mapping[str, Any], expected: tuple[str, str], name: str, write: Callable[[Rows], bytes]
) -> None:
    second = {**row, **({"label": "b"} if "label" in row else {}), "place": "Tilsk"}
    source = written(tmp_path / name, write([{**row, "place": "Tilsk"}, second]))
    first, other = read(source)
    assert (first.row.prompt, first.row.completion) == expected
    assert other.row.prompt == expected[0]
    assert first.row.metadata["place"] == "Tilsk"
    assert (first.number, other.number) == ((2, 3) if ".csv" in name or ".tsv" in name else (1, 2))


def test_a_cell_of_a_table_is_a_text_and_a_flag_says_that_it_holds_the_options(tmp_path: Path) -> None:
    rows = [{"question": "Who?", "choices": ["Bo", "Ada"], "answer": 1}] * 2
    table = written(tmp_path / "a.csv", as_table(rows))
    assert texts(table)[0] == ("Who?", "1")
    assert texts(table, roles={"choices": ("choices",)})[0] == ("Who?\nA. Bo\nB. Ada", "B")


def test_an_object_of_answers_in_a_table_stays_the_text_that_it_is(tmp_path: Path) -> None:
    table = written(
        tmp_path / "a.csv", as_table([{"context": "At sea.", "question": "Who?", "answers": {"text": [ADA]}}] * 2)
    )
    assert texts(table)[0] == ("At sea.\nWho?", '{"text": ["Ada Lark kept the light."]}')


def picture(shade: int, size: tuple[int, int] = (4, 3), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("name", ["image", "img", "picture", "jpg", "png"])
def test_a_picture_in_a_column_of_each_name_has_its_class_and_its_text(tmp_path: Path, name: str) -> None:
    rows = [{name: {"bytes": picture(n), "path": ""}, "label": label, "text": ADA} for n, label in enumerate("ab")]
    for file, write in (("a.parquet", as_parquet), ("a.arrow", as_arrow)):
        assert texts(written(tmp_path / file, write(rows))) == [(ADA, "a"), (ADA, "b")]


def test_arrays_have_their_class_and_their_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)), y=np.array(["a", "b"]), text=np.array([ADA, BO]))
    assert texts(tmp_path / "a.npz") == [(ADA, "a"), (BO, "b")]


def folder_of_pictures(path: Path) -> Path:
    for place, (name, ending) in enumerate(
        [("cat", "png"), ("dog", "jpg"), ("cat", "webp"), ("dog", "bmp"), ("cat", "gif"), ("dog", "tif")]
    ):
        kind = {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper())
        written(path / name / f"{place}.{ending}", picture(place, kind=kind))
    written(path / "metadata.csv", f"file_name,text\ncat/0.png,{ADA}\n")
    return path


def saved_to_disk(path: Path) -> Path:
    written(path / "data-00000-of-00001.arrow", as_arrow([{"text": ADA}, {"text": BO}]))
    written(path / "state.json", json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    return path


def packed(path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in (("0.txt", ADA), ("0.cls", "a"), ("1.txt", BO), ("1.cls", "b")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    return path


def shards(path: Path) -> Path:
    for number, text in enumerate((ADA, BO)):
        written(path / f"train-{number:05d}-of-00002.parquet", as_parquet([{"text": text}]))
    return path


def arrays(path: Path) -> Path:
    np.savez(path, x=np.zeros((2, 3)), y=np.array(["a", "b"]), maker=np.array([ADA, BO]))
    return path


PLAIN = [("", ADA), ("", BO)]
FILES: Mapping[str, list[tuple[Callable[[Path], Path], list[tuple[str, str]]]]] = {
    "`.jsonl`, `.ndjson`": [(lambda path: written(path / "a.ndjson", as_lines([{"text": ADA}, {"text": BO}])), PLAIN)],
    "`.json`": [(lambda path: written(path / "a.json", json.dumps([{"text": ADA}, {"text": BO}])), PLAIN)],
    "`.csv`, `.tsv`": [
        (
            lambda path: written(path / "a.csv", f'text;label\n"{ADA}\nAlways.";a\n{BO};b\n'),
            [(f"{ADA}\nAlways.", "a"), (BO, "b")],
        )
    ],
    "plain text (txt, md)": [
        (lambda path: written(path / "a.txt", f"{ADA}\n\n{BO}\n"), PLAIN),
        (lambda path: written(path / "texts" / "1.md", f"{ADA}\n\n{BO}\n").parent, [("", f"{ADA}\n\n{BO}")]),
    ],
    "any of these with `.gz` or `.zst`": [
        (lambda path: written(path / "a.txt.gz", gzip.compress(f"{ADA}\n\n{BO}\n".encode())), PLAIN),
        (lambda path: written(path / "a.json.zst", zstd(json.dumps([{"text": ADA}, {"text": BO}]).encode())), PLAIN),
    ],
    "`.parquet`": [(lambda path: shards(path / "shards"), PLAIN)],
    "`.arrow`, folders of `save_to_disk`": [(lambda path: saved_to_disk(path / "saved"), PLAIN)],
    "folders of pictures (`.png`, `.jpg`, `.webp`, `.bmp`, `.gif`, `.tif`)": [
        (lambda path: folder_of_pictures(path / "pets"), [(ADA, "cat"), *[("", "cat")] * 2, *[("", "dog")] * 3])
    ],
    "`.tar`, `.tar.gz`, `.tgz` (WebDataset)": [(lambda path: packed(path / "a.tar"), [(ADA, "a"), (BO, "b")])],
    "`.npz`": [(lambda path: arrays(path / "a.npz"), [("", "a"), ("", "b")])],
}


def test_the_page_lists_the_files_that_are_tested_here() -> None:
    assert documented("files") == list(FILES)


@pytest.mark.parametrize(("kind", "number"), [(kind, number) for kind, own in FILES.items() for number in range(len(own))])
def test_a_file_is_read_as_the_page_says(tmp_path: Path, kind: str, number: int) -> None:
    write, expected = FILES[kind][number]
    source = write(tmp_path)
    assert texts(source) == expected
    assert report(source).rows == len(expected)


def test_a_row_is_counted_within_its_own_shard(tmp_path: Path) -> None:
    places = [(found.file, found.number) for found in read(shards(tmp_path / "shards"))]
    assert places == [(f"shards/train-{number:05d}-of-00002.parquet", 1) for number in range(2)]


def test_the_row_of_a_table_is_its_last_line_and_that_of_a_paragraph_its_first(tmp_path: Path) -> None:
    table = written(tmp_path / "a.csv", f'text,label\n"{ADA}\nAlways.",a\n{BO},b\n')
    assert [found.number for found in read(table)] == [3, 4]
    assert [found.number for found in read(written(tmp_path / "a.txt", f"{ADA}\nAlways.\n\n{BO}\n"))] == [1, 4]
