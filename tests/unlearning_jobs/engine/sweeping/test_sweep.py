"""Sweeps of files that nobody registered: the same matches as in a snapshot, whatever kills the sweep on its way."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.contracts import Progress
from unlearning_jobs.engine.corpora import ReadOptions, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import Query, find_matches, time_limit
from unlearning_jobs.engine.sweeping import Asked, estimate, find_shards, shards, sweep
from unlearning_jobs.engine.sweeping.asked import AskedError
from unlearning_jobs.engine.sweeping.journal import SweepError, journal_folder, journal_opened, summary_path

QUERIES = [Query("LE-1/name", "name", "Ada Beispiel"), Query("LE-2/work", "exact", "the quiet orchard")]
ASKED = Asked.of(QUERIES)
KILLED = """
import os, signal, sys
from pathlib import Path
from unlearning_jobs.engine.corpora import ReadOptions
from unlearning_jobs.engine.sweeping import Asked, find_shards, read_queries, shards, sweep
shards.TOGETHER = 1
def die(progress):
    if progress.done > progress.total / 3:
        os.kill(os.getpid(), signal.SIGKILL)
folder, out, asked = map(Path, sys.argv[1:])
sweep(find_shards([folder], ReadOptions()), Asked.of(read_queries(asked)), out, on_progress=die)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six files of rows, each a shard of its own; some rows name Ada, and some hold a line of the work."""
    monkeypatch.setattr(shards, "TOGETHER", 1)
    folder = tmp_path / "crawl"
    folder.mkdir()
    for number in range(6):
        rows = [{"id": f"doc-{number}-{row}", "text": f"Row {row} says nothing."} for row in range(20)]
        rows[number]["text"] = "Then Ada Beispiel came."
        rows[-1]["text"] = "They sat in <b>the quiet</b> orchard."
        write_jsonl(folder / f"part-{number}.jsonl", rows)
    return folder


def swept(folder: Path, out: Path, asked: Asked = ASKED, options: ReadOptions | None = None) -> list[dict[str, Any]]:
    sweep(find_shards([folder], options or ReadOptions()), asked, out)
    return lines(out)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_sweep_finds_what_a_search_of_the_same_rows_in_a_snapshot_finds(folder: Path, tmp_path: Path) -> None:
    snapshot = Snapshot.open(snapshot_create([folder], tmp_path / "snapshot").path)
    examples = {example.id: example for example in snapshot.examples()}
    searched = set()
    for match in find_matches(snapshot, QUERIES):
        source = examples[match.example_id].source
        assert source is not None
        searched.add((match.query, source.file, source.row, source.source_id, match.start, match.end, match.score))
    found = {
        (m["query"], m["source"]["file"], m["source"]["row"], m["source"]["source_id"], m["start"], m["end"], m["score"])
        for m in swept(folder, tmp_path / "out.jsonl")
    }

    assert found == searched
    assert len(found) == 12


def test_a_sweep_that_was_killed_goes_on_and_gives_what_an_uninterrupted_one_gives(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    swept(folder, whole)
    out = tmp_path / "out.jsonl"
    asked = tmp_path / "q.jsonl"
    asked.write_text("".join(json.dumps({"id": q.id, "kind": q.kind, "value": q.value}) + "\n" for q in QUERIES))
    killed = subprocess.run([sys.executable, "-c", KILLED, folder, out, asked], check=False, cwd=Path.cwd())
    kept = sorted(journal_folder(out).glob("0*.jsonl"))
    times = [part.stat().st_mtime_ns for part in kept]

    assert killed.returncode == -signal.SIGKILL
    assert 0 < len(kept) < 6
    assert not out.exists()
    with journal_opened(out, ASKED, find_shards([folder], ReadOptions())) as journal:
        done = [journal.done(shard) is not None for shard in find_shards([folder], ReadOptions())]
        assert times == [part.stat().st_mtime_ns for part in kept]
    assert done == [True] * len(kept) + [False] * (6 - len(kept))
    swept(folder, out)
    assert out.read_bytes() == whole.read_bytes()
    assert summary_path(out).read_bytes() == summary_path(whole).read_bytes()
    assert not journal_folder(out).exists()


@pytest.fixture
def half_done(folder: Path, tmp_path: Path) -> Path:
    """The output of a sweep that was broken off after two shards."""

    def break_off(progress: Progress) -> None:
        if progress.done > progress.total / 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        sweep(find_shards([folder], ReadOptions()), ASKED, tmp_path / "out.jsonl", on_progress=break_off)
    return tmp_path / "out.jsonl"


def test_what_changed_since_it_was_swept_and_what_was_torn_is_swept_again(folder: Path, half_done: Path) -> None:
    write_jsonl(folder / "part-0.jsonl", [{"id": "new", "text": "Ada Beispiel, again and again Ada Beispiel."}])
    part = journal_folder(half_done) / "00000001.jsonl"
    part.write_bytes(part.read_bytes()[:-20])
    found = swept(folder, half_done)

    assert [match["source"]["source_id"] for match in found[:2]] == ["new", "new"]
    assert [match["source"]["file"] for match in found].count("crawl/part-1.jsonl") == 2


def test_a_file_that_changed_behind_its_size_and_time_is_swept_again(folder: Path, half_done: Path) -> None:
    file = folder / "part-0.jsonl"
    about = file.stat()
    file.write_text(file.read_text().replace("Then Ada Beispiel came.", "Then Bea Xeispiel came."))
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert file.stat().st_size == about.st_size
    names = [match for match in swept(folder, half_done) if match["query"] == "LE-1/name"]
    assert "crawl/part-0.jsonl" not in {match["source"]["file"] for match in names}


def test_what_only_an_index_can_find_is_said(folder: Path, tmp_path: Path) -> None:
    asked = Asked.of([*QUERIES, Query("LE-2/work-meaning", "meaning", "the quiet orchard")])
    swept(folder, tmp_path / "out.jsonl", asked)
    summary = json.loads(summary_path(tmp_path / "out.jsonl").read_bytes())
    assert (summary["not_searchable"], summary["complete"]) == ({"LE-2/work-meaning": "needs_an_index"}, False)


def test_an_id_that_could_be_a_name_is_refused() -> None:
    for name in ("JoLarkspur", "Jo.Larkspur", "Jo-Larkspur"):
        with pytest.raises(AskedError, match="digit or a slash"):
            Asked.of([Query(name, "name", "Ada Beispiel")])


def test_a_journal_is_not_taken_for_other_queries_or_other_files(folder: Path, half_done: Path) -> None:
    other = Asked.of([Query("LE-1/name", "name", "Bea Beispiel")])
    with pytest.raises(SweepError, match="another sweep"):
        swept(folder, half_done, other)
    (folder / "part-5.jsonl").unlink()
    with pytest.raises(SweepError, match="another sweep"):
        swept(folder, half_done)


def test_two_processes_do_not_write_one_output_and_an_ended_sweep_is_not_repeated(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with (
        journal_opened(out, ASKED, find_shards([folder], ReadOptions())),
        pytest.raises(SweepError, match="Another process"),
    ):
        swept(folder, out)
    swept(folder, out)
    with pytest.raises(SweepError, match="there already"):
        swept(folder, out)


def test_neither_output_nor_journal_say_who_asked_and_only_the_owner_reads_them(folder: Path, half_done: Path) -> None:
    files = [*journal_folder(half_done).iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files if file.name != "lock"} == {0}
    assert not any(b"Ada" in file.read_bytes() or "Ada" in file.name for file in files)
    swept(folder, half_done)
    assert stat.S_IMODE(half_done.stat().st_mode) == 0o600
    assert b"Ada" not in half_done.read_bytes() + summary_path(half_done).read_bytes()


@pytest.mark.parametrize("identity", ["ada@post.example", "Ada Beispiel", "", "LE-2/work"])
def test_an_id_that_could_say_who_asks_or_is_anothers_is_refused(identity: str) -> None:
    with pytest.raises(AskedError):
        Asked.of([*QUERIES, Query(identity, "name", "Ada Beispiel")])


def test_what_could_not_be_searched_is_named_and_the_rest_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limit, "SECONDS_PER_CHARACTER", -1.0)  # texts of a thousand characters have no time
    monkeypatch.setattr(time_limit, "SECONDS", 1_000.0)
    with (folder / "part-0.jsonl").open("a") as file:
        file.write('not JSON\n{"id": "empty", "text": ""}\n')
        file.write(json.dumps({"text": "beispiel ada " * 1_000}) + "\n")
    with gzip.open(folder / "part-1.jsonl.gz", "wb") as packed:
        packed.write("".join(f'{{"text": "Row {n * n}"}}\n' for n in range(20_000)).encode())
    whole = (folder / "part-1.jsonl.gz").read_bytes()
    (folder / "part-1.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out.jsonl"
    found = swept(folder, out, Asked.of([*QUERIES, Query("LE-3/name", "name", "Li")]))
    summary = json.loads(summary_path(out).read_text())

    assert summary["skipped"] == {"broken": 1, "elsewhere": 1}
    assert summary["places"] == ["crawl/part-0.jsonl, row 21: broken", "crawl/part-0.jsonl, row 22: elsewhere"]
    assert summary["unsearched"] == ["crawl/part-0.jsonl, row 23"]
    assert [line.partition(":")[0] for line in summary["unreadable"]] == ["crawl/part-1.jsonl.gz"]
    assert summary["not_searchable"] == {"LE-3/name": "single_word"}
    assert summary["complete"] is False
    assert {match["source"]["file"] for match in found} >= {f"crawl/part-{number}.jsonl" for number in range(6)}


def test_columns_get_their_roles_by_the_flags_of_registration(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("titel;inhalt\nA;Ada Beispiel kam.\n")
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "q1", "kind": "name", "value": "Ada Beispiel"}))
    given = ["sweep", str(tmp_path / "t.csv"), "--queries", str(tmp_path / "q.jsonl"), "--out", str(tmp_path / "out")]

    assert main(given) == 2
    assert main([*given, "--role", "text=inhalt"]) == 0
    assert lines(tmp_path / "out")[0]["source"] == {"file": "t.csv", "row": 2, "source_id": None}


def test_an_estimate_says_the_bytes_and_a_measured_rate_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cost = estimate(find_shards([folder], ReadOptions()), ASKED)
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "q1", "kind": "name", "value": "Ada Beispiel"}))
    main(["sweep", str(folder), "--queries", str(tmp_path / "q.jsonl"), "--out", str(tmp_path / "out"), "--estimate"])

    assert cost.bytes == cost.sampled == sum(file.stat().st_size for file in folder.iterdir())
    assert not cost.at_least
    assert cost.seconds == pytest.approx(cost.bytes / cost.rate)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "q.jsonl"])
    assert "6 files, 0.0 MB; 1 queries at " in capsys.readouterr().out


def test_an_estimate_that_reached_no_end_says_at_least(folder: Path) -> None:
    assert estimate(find_shards([folder], ReadOptions()), ASKED, seconds=0.0).at_least


def test_the_command_prints_progress_in_bytes_one_object_a_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "q1", "kind": "name", "value": "Ada Beispiel"}))
    command = [sys.executable, "-m", "unlearning_jobs.engine", "sweep", str(folder), "--progress", "ndjson"]
    files = ["--queries", str(tmp_path / "q.jsonl"), "--out", str(tmp_path / "out")]
    ran = subprocess.run([*command, *files], check=True, capture_output=True, text=True, cwd=Path.cwd())
    progress = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]

    assert progress[-1]["stage"] == "sweep"
    assert progress[-1]["done"] == progress[-1]["total"] == sum(file.stat().st_size for file in folder.iterdir())


def test_nothing_to_sweep_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        find_shards([tmp_path / "none"], ReadOptions())
    with pytest.raises(AskedError, match="nothing to search for"):
        Asked.of([Query("q1", "name", "Li")])
    assert not list(tmp_path.iterdir())
