"""The commands `index` and `search` of the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.corpora import snapshot_create


def test_an_index_is_built_and_asked_and_a_match_is_printed_without_its_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write_jsonl(tmp_path / "rows.jsonl", [{"text": "So Thyra Kestelyn wrote."}, {"text": "Nothing here."}])
    snapshot_create([rows], tmp_path / "s")
    assert main(["index", str(tmp_path / "s")]) == 0
    assert "s.index: index " in capsys.readouterr().out
    assert (
        main(
            ["search", str(tmp_path / "s"), "--index", str(tmp_path / "s.index"), "--name", "Thyra Kestelyn", "--self-test"]
        )
        == 0
    )
    *recalls, line = capsys.readouterr().out.splitlines()
    assert json.loads(line)["example_id"] == "e00000000"
    assert {"query": "name 1", "edit": "initial", "planted": 100, "found": 100} in map(json.loads, recalls)
    assert "Kestelyn" not in line


def test_a_search_with_the_index_of_another_snapshot_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("s", "t"):
        rows = write_jsonl(tmp_path / f"{name}.jsonl", [{"text": f"Row of {name}."}])
        snapshot_create([rows], tmp_path / name)
    assert main(["index", str(tmp_path / "s")]) == 0
    assert main(["search", str(tmp_path / "t"), "--index", str(tmp_path / "s.index"), "--exact", "row"]) == 2
    assert "another snapshot" in capsys.readouterr().err
