"""What may lie in a folder, and what its names say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unlearning_jobs.engine.corpora.made import lines, read, report, written
from unlearning_jobs.engine.corpora import ReadOptions, Snapshot, Source, snapshot_create
from unlearning_jobs.engine.corpora.reading import plan, read_all
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.sweeping import Asked, find_shards, sweep

ROWS = [{"text": "one"}, {"text": "two"}]


def test_files_of_several_kinds_are_refused_with_the_flag_that_chooses(tmp_path: Path) -> None:
    lines(tmp_path / "mixed" / "a.jsonl", ROWS)
    written(tmp_path / "mixed" / "b.csv", "text\nthree\nfour\n")
    with pytest.raises(CorpusError, match=r"\.csv, \.jsonl\); choose one kind with --only"):
        read(tmp_path / "mixed")
    assert len(read(tmp_path / "mixed", only=".csv")) == 2
    assert report(tmp_path / "mixed", only=".csv").aside == 1


def test_a_file_that_nobody_can_read_is_not_left_out_without_a_word(tmp_path: Path) -> None:
    lines(tmp_path / "mixed" / "a.jsonl", ROWS)
    written(tmp_path / "mixed" / "names.docx", b"PK")
    with pytest.raises(CorpusError, match=r"\.docx"):
        read(tmp_path / "mixed")


def test_a_file_of_data_is_read_whatever_its_name_says_of_it(tmp_path: Path) -> None:
    for name in ("a.jsonl", "readme.jsonl", "licence_texts.jsonl", "dataset_card.jsonl"):
        lines(tmp_path / "given" / name, [{"text": f"In {name}."}])
    assert len(read(tmp_path / "given")) == 4


@pytest.mark.parametrize("name", ["state.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"])
def test_what_datasets_writes_beside_data_is_read_among_files_of_json(tmp_path: Path, name: str) -> None:
    lines(tmp_path / "json" / "a.json", ROWS)
    lines(tmp_path / "json" / name, [{"text": "three"}])
    lines(tmp_path / "lines" / "a.jsonl", ROWS)
    lines(tmp_path / "lines" / name, [{"text": "three"}])
    assert len(read(tmp_path / "json")) == 3
    assert len(read(tmp_path / "lines", only=name)) == 1
    assert (report(tmp_path / "lines").examples, report(tmp_path / "lines").aside) == (2, 1)


@pytest.mark.parametrize(
    "name", ["README.md", "readme.de.md", "LICENSE", "LICENSE-APACHE-2.0", "licence.rst", "dataset_card.html", "load.py"]
)
def test_what_describes_data_is_left_aside_and_counted(tmp_path: Path, name: str) -> None:
    lines(tmp_path / "given" / "a.jsonl", ROWS)
    written(tmp_path / "given" / name, "About the data.")
    assert report(tmp_path / "given").aside == 1


def test_hidden_files_are_counted_in_hidden_folders_too_and_none_is_followed(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "a.jsonl", ROWS)
    lines(tmp_path / "given" / "deep" / ".b.jsonl", ROWS)
    lines(tmp_path / "given" / ".cache" / "deep" / "c.jsonl", ROWS)
    (tmp_path / "given" / ".cache" / "up").symlink_to(tmp_path)
    (tmp_path / "given" / ".link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "given" / ".pipe")
    about = report(tmp_path / "given")
    assert (about.files, about.examples, about.aside) == (1, 2, 5)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no data files"):
        read(tmp_path / "empty")


def test_links_in_a_folder_are_followed_to_files_by_a_flag_alone(tmp_path: Path) -> None:
    lines(tmp_path / "secret.jsonl", ROWS)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with pytest.raises(CorpusError, match=r"a\.jsonl in given is a link.*--follow-links"):
        read(tmp_path / "given")
    assert len(read(tmp_path / "given", follows_links=True)) == 2


def test_a_link_to_a_folder_is_never_followed(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "a.jsonl", ROWS)
    (tmp_path / "given" / "again").symlink_to(tmp_path / "given")
    with pytest.raises(CorpusError, match="again in given is a link"):
        read(tmp_path / "given", follows_links=True)


def test_a_link_that_was_named_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(lines(tmp_path / "a.jsonl", ROWS))
    assert len(read(tmp_path / "link.jsonl")) == 2


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "a.jsonl", ROWS)
    os.mkfifo(tmp_path / "given" / "b.jsonl")
    with pytest.raises(CorpusError, match="no plain file"):
        read(tmp_path / "given")


def test_the_column_counts_before_the_name_of_the_file(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "test.jsonl", [{"text": "one", "split": "train"}, {"text": "two"}])
    lines(tmp_path / "given" / "train.jsonl", ROWS)
    assert [row.set for row in read(tmp_path / "given")] == ["train", "held_out", "train", "train"]


def test_the_name_of_a_single_file_says_nothing_about_its_set(tmp_path: Path) -> None:
    assert {row.set for row in read(lines(tmp_path / "test.jsonl", ROWS))} == {"train"}


def test_a_text_is_not_taken_for_a_set_by_its_name(tmp_path: Path) -> None:
    for name in ("train", "test"):
        written(tmp_path / "given" / f"{name}.txt", f"How to {name} a dog.")
    assert {row.set for row in read(tmp_path / "given")} == {"train"}


def test_two_sources_of_the_same_name_are_refused(tmp_path: Path) -> None:
    given = [lines(tmp_path / folder / "a.jsonl", ROWS) for folder in ("x", "y")]
    with pytest.raises(CorpusError, match="nobody could tell where a row came from"):
        snapshot_create(given, tmp_path / "s")


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": f"number {number}"} for number in range(1000)])
    rows = read_all(plan([path], {}, ReadOptions()))
    next(rows)
    with path.open("a") as file:
        file.write('{"text": "late"}\n')
    with pytest.raises(CorpusError, match="changed while it was read"):
        list(rows)


def test_a_name_that_is_no_text_does_no_harm(tmp_path: Path) -> None:
    lines(tmp_path / "given" / os.fsdecode(b"\xff.jsonl"), ROWS)
    info = snapshot_create([tmp_path / "given"], tmp_path / "s")
    [example, _] = Snapshot.open(info.path, info.digest).examples()
    assert example.source == Source("given/\N{REPLACEMENT CHARACTER}.jsonl", 1)


def test_names_of_columns_steer_no_terminal_and_fill_no_report(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "one", "\x1b[2Jwho": "a", "n" * 5000: "b"}, {"text": "two"}])
    assert report(path).metadata == ("\N{REPLACEMENT CHARACTER}[2Jwho", "n" * 80 + "...")
    more = lines(tmp_path / "b.jsonl", [{"text": str(number), f"c{number}": "x"} for number in range(1500)])
    assert len(report(more).metadata) == 1000
    assert report(more).metadata[-1] == "..."


def test_columns_that_differ_only_in_case_from_file_to_file_are_one_column(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "0.jsonl", [{"text": "one", "label": "a", "id": 1}])
    lines(tmp_path / "given" / "1.jsonl", [{"Text": "two", " Label": "b", "ID": 2}, {"TEXT": "three", "label": "a"}])
    lines(tmp_path / "given" / "2.jsonl", [{"text": "four", "Text": "no text", "label": "a"}])
    rows = read(tmp_path / "given")
    assert [(row.row.prompt, row.row.completion) for row in rows] == [
        ("one", "a"),
        ("two", "b"),
        ("three", "a"),
        ("four", "a"),
    ]
    assert [row.row.source_id for row in rows] == ["1", "2", None, None]
    assert rows[3].row.metadata == {"Text": "no text"}
    found = report(tmp_path / "given")
    assert (found.roles, found.metadata, found.skipped) == (
        {"text": ("text",), "label": ("label",), "id": ("id",)},
        ("id", "Text"),
        (),
    )


def test_a_sweep_reads_such_columns_as_a_registration_does(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "0.jsonl", [{"text": "one", "label": "a"}])
    lines(tmp_path / "given" / "1.jsonl", [{"Text": "Then Ada Beispiel came.", "Label": "b"}])
    asked = Asked.of([Query("q1", "name", "Ada Beispiel")])
    summary = sweep(find_shards([tmp_path / "given"], ReadOptions()), asked, tmp_path / "out")
    assert (summary.total.matches, summary.complete) == (1, True)


def test_a_row_with_two_such_columns_is_skipped_and_named(tmp_path: Path) -> None:
    lines(tmp_path / "given" / "0.jsonl", [{"text": "one"}])
    lines(tmp_path / "given" / "1.jsonl", [{"Text": "two", "TEXT": "three"}])
    assert [(found.reason, found.places) for found in report(tmp_path / "given").skipped] == [
        ("elsewhere", ("given/1.jsonl, line 1",))
    ]
