"""What a sweep did not read: files that were left aside, and files of whose first rows none can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.sweeping import Asked, SweepSummary, find_shards, sweep
from unlearning_jobs.engine.sweeping.journal import summary_path

ASKED = Asked.of([Query("q1", "name", "Ada Beispiel")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "crawl").mkdir()
    write_jsonl(tmp_path / "crawl" / "a.jsonl", [{"text": "Nobody came."}, {"text": "Then Ada Beispiel came."}])
    return tmp_path / "crawl"


def swept(folder: Path, **options: Any) -> SweepSummary:
    return sweep(find_shards([folder], ReadOptions(**options)), ASKED, folder.with_name("out"))


def summed_up(folder: Path) -> dict[str, Any]:
    return dict(json.loads(summary_path(folder.with_name("out")).read_text()))


def test_a_sweep_that_read_every_file_is_complete(folder: Path) -> None:
    assert swept(folder).complete
    assert (summed_up(folder)["aside"], summed_up(folder)["aside_first"]) == (0, [])


@pytest.mark.parametrize("name", ["README.md", ".b.jsonl", ".cache/c.jsonl", "d.csv"])
def test_a_sweep_that_left_a_file_aside_names_it_and_is_not_complete(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("text\nThen Ada Beispiel came.\n")
    assert not swept(folder, only=".jsonl").complete
    summary = summed_up(folder)
    assert (summary["aside"], summary["aside_first"], summary["complete"]) == (1, [f"crawl/{name}"], False)


def test_of_many_files_left_aside_the_first_twenty_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        (folder / f".{number:02}\x1b.txt").write_text("Then Ada Beispiel came.")
    (tmp_path / "q").write_text(json.dumps({"id": "q1", "kind": "name", "value": "Ada Beispiel"}))
    command = ["sweep", str(folder), "--queries", str(tmp_path / "q"), "--out", str(tmp_path / "out"), "--progress", "none"]
    assert main([*command, "--estimate"]) == 0
    assert main(command) == 0
    said = capsys.readouterr().out
    assert (
        said.count("30 files were left aside: they describe data, are hidden, or --only does not name them: crawl/.00") == 2
    )
    assert ("crawl/.19" in said, "crawl/.20" in said, "\x1b" in said) == (True, False, False)
    assert (summed_up(folder)["aside"], len(summed_up(folder)["aside_first"])) == (30, 20)


@pytest.mark.parametrize("out", ["crawl/found.jsonl", "crawl/a.jsonl"])
def test_an_output_among_the_files_that_are_swept_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    before = (folder / "a.jsonl").read_bytes()
    (tmp_path / "q").write_text(json.dumps({"id": "q1", "kind": "name", "value": "Ada Beispiel"}))
    assert main(["sweep", str(folder), "--queries", str(tmp_path / "q"), "--out", str(tmp_path / out)]) != 0
    assert "write it outside of what is swept" in capsys.readouterr().err
    assert (folder / "a.jsonl").read_bytes() == before


def test_a_file_that_is_hidden_while_a_killed_sweep_waits_is_named_when_it_goes_on(folder: Path) -> None:
    def broken_off(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(find_shards([folder], ReadOptions()), ASKED, folder.with_name("out"), on_progress=broken_off)
    write_jsonl(folder / ".b.jsonl", [{"text": "Then Ada Beispiel came."}])
    assert swept(folder).aside == ("crawl/.b.jsonl",)


def test_files_of_whose_first_rows_none_can_be_read_are_not_called_empty(folder: Path) -> None:
    (folder / "a.jsonl").write_text('{\n"text": "Ada Beispiel"\n}\n')
    with pytest.raises(
        CorpusError, match=r"crawl/a\.jsonl, line 1: not JSON .*None of the first 3 rows of crawl can be read"
    ):
        find_shards([folder], ReadOptions())
    (folder / "a.jsonl").write_text("\n")
    with pytest.raises(CorpusError, match="crawl is empty; there is nothing to read"):
        find_shards([folder], ReadOptions())


def test_a_table_whose_rows_do_not_fit_its_header_is_said_with_the_flag_that_helps(folder: Path) -> None:
    (folder / "a.jsonl").rename(folder / "a.csv")
    (folder / "a.csv").write_text("text,who\nNobody;came,Ada,Beispiel\n")
    with pytest.raises(CorpusError, match=r"line 2: not as many cells .*--delimiter") as refused:
        find_shards([folder], ReadOptions())
    assert "Beispiel" not in str(refused.value)


@pytest.mark.parametrize("end", ["", 'end",a\n'])
def test_each_line_that_a_stray_quote_takes_counts_as_not_searched(folder: Path, end: str) -> None:
    people = "".join(f"Person {number},b\n" for number in range(300))
    (folder / "a.jsonl").unlink()
    (folder / "a.csv").write_text(f'text,label\nAda Beispiel,a\n"Bo,b\n{people}{end}')
    summary = swept(folder)
    lost = 301 + bool(end)
    assert (summary.total.rows, summary.total.skipped, summary.complete) == (lost + 1, {"broken": lost}, False)
