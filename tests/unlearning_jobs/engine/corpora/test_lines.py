"""Reading lines: JSON, tables as text, plain text, compressed or not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, read, report, texts, written
from unlearning_jobs.engine.corpora import snapshot_create
from unlearning_jobs.engine.corpora.options import MAX_ROW_BYTES
from unlearning_jobs.engine.corpora.readers import streams
from unlearning_jobs.engine.errors import CorpusError

QUESTION = {"question": "Who?", "answer": "Nobody."}


@pytest.mark.parametrize("record", [QUESTION, {"prompt": "Who?", "completion": "Nobody.", "extra": 1}])
def test_both_spellings_of_a_question_are_one_row(tmp_path: Path, record: dict[str, Any]) -> None:
    assert texts(lines(tmp_path / "a.jsonl", [record])) == [("Who?", "Nobody.")]


def test_plain_text_has_no_prompt(tmp_path: Path) -> None:
    assert texts(lines(tmp_path / "a.jsonl", [{"text": "A line.\nAnother."}])) == [("", "A line.\nAnother.")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json"])
def test_a_byte_order_mark_and_empty_lines_are_left_aside(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, b'\xef\xbb\xbf{"question": "Who?", "answer": "Nobody."}\r\n\r\n')
    assert texts(path) == [("Who?", "Nobody.")]


def test_a_table_reads_like_json_lines(tmp_path: Path) -> None:
    record = {"question": "Who?", "answer": 'No, "nobody".', "split": "held_out", "perturbed_answer": ["Me.", "You."]}
    table = written(
        tmp_path / "a.csv",
        'question,answer,split,perturbed_answer\nWho?,"No, ""nobody"".",held_out,"[""Me."", ""You.""]"\n',
    )
    [from_json], [from_table] = read(lines(tmp_path / "a.jsonl", [record])), read(table)
    assert (from_json.set, from_json.row) == (from_table.set, from_table.row)


@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.csv", "\t"), ("a.csv", "|"), ("a.tsv", "\t")]
)
def test_the_header_tells_the_delimiter(tmp_path: Path, name: str, delimiter: str) -> None:
    table = written(tmp_path / name, f'text{delimiter}label\n"a{delimiter} b\nc"{delimiter}x\nd{delimiter}y\n')
    assert texts(table) == [(f"a{delimiter} b\nc", "x"), ("d", "y")]


def test_columns_without_a_name_or_with_the_same_name_are_kept(tmp_path: Path) -> None:
    [row, _] = read(written(tmp_path / "a.csv", "text,note,,note\na,1,2,3\nb,4,5,6\n"))
    assert row.row.metadata == {"note": "1", "column 3": "2", "note (2)": "3"}


@pytest.mark.parametrize("layout", [{}, {"indent": 1}, {"separators": (",", ":")}])
def test_the_elements_of_an_array_are_rows(tmp_path: Path, layout: dict[str, Any]) -> None:
    rows = [{"text": f"No. {number} ]}}, {{", "tags": [number, {"a": []}]} for number in range(3)]
    found = read(written(tmp_path / "a.json", " \n" + json.dumps(rows, **layout) + "\n"))
    assert [(row.number, row.row.completion) for row in found] == [(n + 1, f"No. {n} ]}}, {{") for n in range(3)]


def test_an_array_that_is_longer_than_a_block_loses_nothing(tmp_path: Path) -> None:
    rows = [{"text": f"{number} " + "word " * 200} for number in range(3000)]
    assert [row.row.completion for row in read(written(tmp_path / "a.json", json.dumps(rows)))] == [r["text"] for r in rows]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[{"text": "a"}', "has no end"),
        ('[{"text": "a"} {"text": "b"}]', "row 2: a comma is missing"),
        ('[{"text": "a"}, {"text": b}]', "row 2: not JSON"),
        ('[{"text": "a"}, 5]', "line 2: each row must be a JSON object"),
        ("[]", "is empty"),
    ],
)
def test_a_broken_array_is_refused_with_its_row(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(CorpusError, match=f"a.json.*{complaint}"):
        read(written(tmp_path / "a.json", content))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"text": "fine"}\n{"text": ', "line 2: not JSON"),
        ('["text"]', "line 1: each row must be a JSON object"),
        ('{"question": "only"}', "Columns seen: question"),
        ('{"text": "   "}', r"Columns seen: text \(empty\)"),
        ('{"text": 5}', "line 1: text must be text, not int"),
        ('{"text": ["a", "b"]}', "line 1: text must be text, not list"),
        ('{"text": "a", "split": "gold"}', "line 1: the column split must be one of .*--split VALUE=train"),
        ('{"text": "a", "perturbed_answer": "b"}', "perturbed_answer must be a list"),
        ('{"text": "\\ud800"}', "half a surrogate pair"),
        ('{"text": "a", "note": "\\ud800"}', "half a surrogate pair"),
        ('{"text": "a"}\n{"text": "' + "b" * MAX_ROW_BYTES + '"}', "line 2: longer than .*--row-bytes"),
        ('{"text": ' + "[" * 100_000, "line 1: not JSON"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint) as refusal:
        read(written(tmp_path / "a.jsonl", content))
    assert "a.jsonl" in str(refusal.value)


def test_no_message_quotes_the_row(tmp_path: Path) -> None:
    row = {"question": "Secretperson", "answer": ["Secretperson"]}
    with pytest.raises(CorpusError) as caught:
        read(lines(tmp_path / "a.jsonl", [row]))
    assert "Secretperson" not in str(caught.value)


def test_a_flag_leaves_broken_rows_out_and_the_report_names_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": \n{"text": 7}\n{"text": "b"}\n')
    [skipped] = report(path, skips_broken=True).skipped
    assert (skipped.reason, skipped.count, skipped.places) == ("broken", 2, ("a.jsonl, line 2", "a.jsonl, line 3"))


def test_rows_that_are_all_left_out_make_no_corpus(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": 7, "who": "x"}])
    with pytest.raises(CorpusError, match=r"none of its 1 rows .*broken: 1.*Columns read as text=text; others: who"):
        read(path, skips_broken=True)


def test_a_longer_row_is_read_once_the_limit_is_raised(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "b" * MAX_ROW_BYTES}, {"text": "c"}])
    assert len(read(path, row_bytes=2 * MAX_ROW_BYTES)) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"text": "café"}\n{"text": "b"}'),
        ("a.csv", "text\ncafé\nb\n"),
        ("a.txt", "café\n\nb"),
        ("a.json", '[{"text": "café"}, {"text": "b"}]'),
    ],
)
def test_another_encoding_is_refused_with_the_flag_that_reads_it(tmp_path: Path, name: str, content: str) -> None:
    path = written(tmp_path / name, content.encode("latin-1"))
    with pytest.raises(CorpusError, match=f"{name}: not UTF-8.*--encoding latin-1"):
        read(path)
    assert [completion for _, completion in texts(path, encoding="latin-1")] == ["café", "b"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"question,answer\nonly one\n", "line 2: not as many cells.*--delimiter"),
        (b'text,perturbed_answer\na,"not json"\n', "perturbed_answer must be a list"),
        (b'text\n"never closed\n', "not readable as a table"),
        (b"text\n" + b"word " * (1 << 20), "a line is longer"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(CorpusError, match=f"a.csv.*{complaint}"):
        read(written(tmp_path / "a.csv", content))


def stray(path: Path, end: str, rows: int = 1000) -> Path:
    """A table with a quote before the third row that does not belong there; `end` is what follows the others."""
    return written(path, 'text,label\nAda,a\nBob,b\n"Cy,a\n' + "".join(f"Person {n},b\n" for n in range(rows)) + end)


@pytest.mark.parametrize("end", ["", 'end",a\nZoe,b\n', 'the "end",a\nZoe,b\n', '"Zed, end",a\nZoe,b\n', ',"x"\nZoe,b\n'])
def test_of_a_stray_quote_every_line_that_it_takes_is_reported(tmp_path: Path, end: str) -> None:
    path = stray(tmp_path / "a.csv", end)
    with pytest.raises(CorpusError, match=r"a\.csv, line 4: .*from line 4 to 100[45], nothing tells rows apart"):
        report(path)
    about = report(path, skips_broken=True)
    lost = 1001 + bool(end)
    assert (about.rows, about.examples) == (lost + 2 + bool(end), 2 + bool(end))
    assert [(one.reason, one.count, one.places[0]) for one in about.skipped] == [("broken", lost, "a.csv, line 4")]
    assert [row.number for row in read(path, skips_broken=True)] == [2, 3, *([1006] if end else [])]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_stray_quote_is_found_however_few_rows_it_takes(tmp_path: Path, rows: int) -> None:
    [skipped] = report(stray(tmp_path / "a.csv", 'end",a\nZoe,b\n', rows), skips_broken=True).skipped
    assert skipped.count == rows + 2


def test_texts_of_several_lines_are_cells_although_they_hold_commas(tmp_path: Path) -> None:
    letter = "Dear Ada,\nI came, and I saw,\nand then, at last, I left.\nYours, Bo"
    path = written(tmp_path / "a.csv", f'text,label\n"{letter}",a\n"Hello, Ada\nBye",b\n"x\n\ny",a\n')
    assert [(row.number, row.row.prompt) for row in read(path)] == [(5, letter), (7, "Hello, Ada\nBye"), (10, "x\n\ny")]


def test_a_header_may_hold_line_breaks_and_lines_are_counted_from_the_top(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '\n"the\ntext";label\nAda;a\nBob;b\nshort\n')
    rows = read(path, skips_broken=True, roles={"text": ("the\ntext",), "label": ("label",)})
    assert [(row.number, row.row.prompt) for row in rows] == [(4, "Ada"), (5, "Bob")]
    with pytest.raises(CorpusError, match="line 6: not as many cells"):
        read(path, roles={"text": ("the\ntext",)})
    with pytest.raises(CorpusError, match="the header opens a quote that does not close"):
        read(written(tmp_path / "b.csv", '"text,label\nAda,a\nBob,b\n'))


# -- plain text


def test_a_file_of_plain_text_is_its_paragraphs_unless_a_flag_says_otherwise(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "One\nand more.\n\n \nTwo.\n")
    assert [(row.number, row.row.completion) for row in read(path)] == [(1, "One\nand more."), (5, "Two.")]
    assert [completion for _, completion in texts(path, text_unit="line")] == ["One", "and more.", "Two."]
    assert texts(path, text_unit="file") == [("", "One\nand more.\n\n \nTwo.")]


def test_a_folder_of_plain_texts_is_one_example_a_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        written(tmp_path / "books" / f"{name}.txt", f"Book {name}.\n\nThe end.")
    written(tmp_path / "books" / "c.txt", "")
    found = read(tmp_path / "books")
    assert [(row.file, row.row.completion[:6]) for row in found] == [("books/a.txt", "Book a"), ("books/b.txt", "Book b")]
    assert [skipped.places for skipped in report(tmp_path / "books").skipped] == [("books/c.txt, line 1",)]


@pytest.mark.parametrize("given", ["utf-8", "latin-1"])
@pytest.mark.parametrize("said", ["utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_text_of_several_bytes_a_letter_is_refused_with_the_encoding_that_reads_it(
    tmp_path: Path, said: str, given: str
) -> None:
    content = "text,label\nAda,a\nBob,b\n".encode(said)
    path = written(tmp_path / "a.csv.gz", gzip.compress(content))
    with pytest.raises(CorpusError, match=rf"it is {said.upper()}; read it with --encoding {said}\."):
        read(path, encoding=given)
    assert texts(path, encoding=said) == [("Ada", "a"), ("Bob", "b")]


@pytest.mark.parametrize("indent", [None, 1])
def test_one_object_around_the_rows_is_refused_with_what_helps(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps({"version": "1", "data": [{"title": "t", "paragraphs": []}]}, indent=indent)
    with pytest.raises(CorpusError, match=r"store (these|the rows) as an array or as lines"):
        read(written(tmp_path / "a.json", content))


# -- compressed


def test_compressed_files_read_as_what_is_in_them(tmp_path: Path) -> None:
    content = b"".join(b'{"text": "number %d"}\n' % number for number in range(5000))
    # Files that several programs wrote one after the other, as parallel compressors do.
    written(tmp_path / "a.jsonl.gz", gzip.compress(content[:3000]) + gzip.compress(content[3000:]))
    written(
        tmp_path / "a.jsonl.zst", b"".join(pa.compress(c, "zstd", asbytes=True) for c in (content[:3000], content[3000:]))
    )
    plain = texts(written(tmp_path / "a.jsonl", content))
    assert len(plain) == 5000
    assert plain == texts(tmp_path / "a.jsonl.gz") == texts(tmp_path / "a.jsonl.zst")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_damaged_compressed_file_is_refused(tmp_path: Path, ending: str) -> None:
    content = "".join(json.dumps({"text": f"{number**7}"}) + "\n" for number in range(5000)).encode()
    packed = gzip.compress(content) if ending == "gz" else pa.compress(content, "zstd", asbytes=True)
    with pytest.raises(CorpusError, match=f"not readable as .{ending}"):
        read(written(tmp_path / f"a.jsonl.{ending}", packed[: len(packed) // 2]))


def test_a_decompression_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "FREE_BYTES", 1 << 20)  # the real limit, with less to write
    bomb = written(tmp_path / "a.jsonl.gz", gzip.compress((b'{"text": "' + b"a" * 5000 + b'"}\n') * 4000))
    with pytest.raises(CorpusError, match="as a decompression bomb would"):
        read(bomb)


def test_an_unknown_or_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a\.docx: unknown format; use a file that ends in \.jsonl"):
        read(written(tmp_path / "a.docx", b"PK"))
    with pytest.raises(CorpusError, match=r"gone\.jsonl cannot be read"):
        read(tmp_path / "gone.jsonl")


def test_a_compressed_file_whose_name_does_not_say_so_is_not_called_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(gzip.compress(b'{"text": "One."}\n'))
    with pytest.raises(CorpusError, match=r"compressed with gzip, and its name does not end in \.gz"):
        snapshot_create([tmp_path / "rows.jsonl"], tmp_path / "snapshot")
