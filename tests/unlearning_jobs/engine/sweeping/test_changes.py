"""Files that somebody writes to while they are swept, or that cannot be read: they are read again, or named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from tests.unlearning_jobs.engine.sweeping.test_sweep import ASKED, folder, lines
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.contracts import Progress
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.sweeping import SweepSummary, find_shards, shards, sweep
from unlearning_jobs.engine.sweeping.journal import SweepError, journal_folder, summary_path

__all__ = ["folder"]
"""A fixture."""
ROW = json.dumps({"id": "new", "text": "Then Ada Beispiel came again."}) + "\n"


def swept(folder: Path, on_progress: Callable[[Progress], object] = lambda _: None) -> SweepSummary:
    def told(progress: Progress) -> None:
        on_progress(progress)

    return sweep(find_shards([folder], ReadOptions()), ASKED, folder.with_name("out"), on_progress=told)


def new_rows(folder: Path) -> int:
    return sum(match["source"]["source_id"] == "new" for match in lines(folder.with_name("out")))


def summed_up(folder: Path) -> dict[str, Any]:
    return dict(json.loads(summary_path(folder.with_name("out")).read_text()))


def append(file: Path) -> None:
    with file.open("a") as rows:
        rows.write(ROW)


def parts(folder: Path) -> dict[str, int]:
    return {part.name: part.stat().st_mtime_ns for part in journal_folder(folder.with_name("out")).glob("0*.jsonl")}


@pytest.mark.parametrize("number", [0, 5])
def test_a_row_that_comes_when_its_file_has_been_read_is_found_all_the_same(folder: Path, number: int) -> None:
    def once_all_is_read(progress: Progress) -> None:
        if progress.done == progress.total and not came:
            append(folder / f"part-{number}.jsonl")
            came.append(number)

    came: list[int] = []
    summary = swept(folder, once_all_is_read)
    assert (new_rows(folder), summary.complete) == (1, True)
    assert not journal_folder(folder.with_name("out")).exists()


def test_a_file_that_changes_whenever_it_is_read_is_named_and_the_same_command_goes_on_with_it_alone(folder: Path) -> None:
    summary = swept(folder, lambda _: append(folder / "part-2.jsonl"))
    assert (summary.changed, summary.complete) == (("crawl/part-2.jsonl",), False)
    assert (summed_up(folder)["changed"], summed_up(folder)["complete"]) == (["crawl/part-2.jsonl"], False)
    assert {match["source"]["file"] for match in lines(folder.with_name("out"))} == {
        f"crawl/part-{n}.jsonl" for n in range(6)
    }

    before = parts(folder)
    append(folder / "part-4.jsonl")
    kept: dict[str, int] = {}
    assert swept(folder, lambda _: kept.update(parts(folder))).complete
    assert {name for name in before if kept[name] != before[name]} == {"00000002.jsonl", "00000004.jsonl"}
    assert new_rows(folder) == (folder / "part-2.jsonl").read_text().count(ROW) + 1
    assert not journal_folder(folder.with_name("out")).exists()


def test_a_file_that_was_swept_and_is_gone_is_named(folder: Path) -> None:
    def lost(progress: Progress) -> None:
        if progress.done == progress.total:
            (folder / "part-0.jsonl").unlink(missing_ok=True)

    summary = swept(folder, lost)
    assert not summary.complete
    assert [line.partition(":")[0].partition(" ")[0] for line in summary.total.unreadable] == ["crawl/part-0.jsonl"]


def test_a_damaged_file_that_was_mended_is_read_by_the_same_command_and_no_other_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = gzip.compress("".join(f'{{"text": "Row {n * n}"}}\n' for n in range(20_000)).encode())
    (folder / "part-6.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (folder.with_name("q")).write_text(json.dumps({"id": "q1", "kind": "name", "value": "Ada Beispiel"}))
    command = ["sweep", str(folder), "--queries", str(folder.with_name("q")), "--out", str(folder.with_name("out"))]
    assert main([*command, "--progress", "none"]) == 0
    assert "The same command again reads only the files that changed or could not be read." in capsys.readouterr().out
    before = parts(folder)
    (folder / "part-6.jsonl.gz").write_bytes(whole)
    assert main([*command, "--progress", "none"]) == 0
    assert len(before) == 7
    assert summed_up(folder)["complete"]
    assert main([*command, "--progress", "none"]) == 2  # it has ended


def test_files_that_grew_stay_in_the_shards_in_which_the_sweep_began(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "TOGETHER", 2 * (folder / "part-0.jsonl").stat().st_size)
    swept(folder, lambda _: append(folder / "part-0.jsonl"))
    many = len(parts(folder))
    write_jsonl(folder / "part-0.jsonl", [json.loads(ROW)] * 1_000)
    assert len(find_shards([folder], ReadOptions())) > many
    summary = swept(folder)
    assert (summary.shards, summary.complete, new_rows(folder)) == (many, True, 1_000)


def test_an_output_that_somebody_put_beside_a_journal_is_not_written_over(folder: Path) -> None:
    swept(folder, lambda _: append(folder / "part-0.jsonl"))
    for name in ("out.sweep.json", "out.summary.json"):
        folder.with_name(name).unlink()
    with pytest.raises(SweepError, match="there already"):
        swept(folder)
