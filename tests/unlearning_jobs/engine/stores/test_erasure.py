"""The steps of an erasure: approved, killed, done twice, and refused."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unlearning_jobs.engine.errors import EngineError, SpecError
from unlearning_jobs.engine.stores import StoreError, StoreSpec, erase, find_documents, spec_from, verify
from unlearning_jobs.engine.stores.erasure import opened
from unlearning_jobs.engine.stores.journal import STEPS, Journal, journal_opened
from unlearning_jobs.engine.stores.store import Document

from .conftest import SOUGHT, Planted, erased, searching

KILLED = """
import os, signal, sys
from pathlib import Path
from unlearning_jobs.engine.stores import erase, read_spec, files
shred = files.shred
def killed(path):
    if path.name.endswith(".lethe-old") and path.exists():
        os.kill(os.getpid(), signal.SIGKILL)  # after the exchange, before the old bytes are overwritten
    shred(path)
files.shred = killed
erase(read_spec(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3])
"""


class KilledError(Exception):
    pass


@pytest.fixture
def spec(plant_store: Planted, documents: list[Document]) -> StoreSpec:
    return searching(plant_store("folder"), documents)


def test_nothing_is_deleted_that_was_not_approved(spec: StoreSpec, tmp_path: Path) -> None:
    find_documents(spec, tmp_path / "job")
    _assert_refused("not_approved", lambda: erase(spec, tmp_path / "job", "0" * 64))
    _assert_refused("not_approved", lambda: erase(spec, tmp_path / "another", "0" * 64))
    assert _count(spec) == 60


@pytest.mark.parametrize("change", ["added", "changed", "removed", "another_removed"])
def test_a_store_that_changed_after_the_approval_is_not_touched(spec: StoreSpec, tmp_path: Path, change: str) -> None:
    listing = find_documents(spec, tmp_path / "job")
    folder = Path(spec.settings["path"])
    if change == "added":
        (folder / "new").write_text("A new document.", encoding="utf-8")
    elif change == "changed":
        (folder / "1000").write_text("Another text.", encoding="utf-8")
    else:
        (folder / ("1000" if change == "removed" else "1050")).unlink()
    before = _count(spec)
    _assert_refused("changed", lambda: erase(spec, tmp_path / "job", listing.digest))
    assert _count(spec) == before
    assert not (tmp_path / "job" / "result.json").exists()


@pytest.mark.parametrize("step", ["delete", "rebuild"])
def test_what_others_write_once_a_deletion_has_begun_is_said_and_does_not_stop_it(
    spec: StoreSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    listing = find_documents(spec, tmp_path / "job")
    _kill(monkeypatch, step, before=step == "rebuild")
    with pytest.raises(KilledError):
        erase(spec, tmp_path / "job", listing.digest)
    monkeypatch.undo()
    (Path(spec.settings["path"]) / "1050").write_text("Another text.", encoding="utf-8")
    result = erase(spec, tmp_path / "job", listing.digest)
    assert result["verdict"]["outcome"] == "passed"
    assert result["written_meanwhile"]


def test_a_document_that_comes_back_with_another_content_is_not_deleted_unseen(
    spec: StoreSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = find_documents(spec, tmp_path / "job")
    _kill(monkeypatch, "delete", before=False)
    with pytest.raises(KilledError):
        erase(spec, tmp_path / "job", listing.digest)
    monkeypatch.undo()
    (Path(spec.settings["path"]) / "1000").write_text("Another text.", encoding="utf-8")
    _assert_refused("changed", lambda: erase(spec, tmp_path / "job", listing.digest))


@pytest.mark.parametrize(
    ("step", "before"), [*((step, False) for step in STEPS[2:]), ("delete", True), ("rebuild", True), ("read_back", True)]
)
def test_an_erasure_goes_on_where_it_was_killed(
    spec: StoreSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    before: bool,  # of the table
) -> None:
    listing = find_documents(spec, tmp_path / "job")
    _kill(monkeypatch, step, before=before)
    with pytest.raises(KilledError):
        erase(spec, tmp_path / "job", listing.digest)
    monkeypatch.undo()
    result = erase(spec, tmp_path / "job", listing.digest)
    assert result["verdict"]["outcome"] == "passed"
    assert _count(spec) == 60 - SOUGHT


def test_a_process_that_is_killed_in_the_middle_of_a_rebuild_leaves_nothing_behind(
    plant_store: Planted, tmp_path: Path
) -> None:
    settings = plant_store("dataset")
    stored = {"store": settings, "find": {"keys": ["1000", "1001"]}}
    (tmp_path / "spec.json").write_text(json.dumps(stored))
    spec, job = spec_from(stored), tmp_path / "job"
    listing = find_documents(spec, job)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "spec.json"), str(job), listing.digest]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with opened(spec) as store:
        left_over = [place for place in store.places() if place.kind == "left_over"]
    assert left_over  # places are read wherever the old bytes are
    assert erase(spec, job, listing.digest)["verdict"]["outcome"] == "passed"
    assert not list(tmp_path.glob("*.lethe-*"))


def test_an_erasure_that_passed_is_told_again_and_not_done_again(spec: StoreSpec, tmp_path: Path) -> None:
    first = erased(spec, tmp_path / "job")
    (Path(spec.settings["path"]) / "new").write_text("Nobody minds.", encoding="utf-8")
    assert erase(spec, tmp_path / "job", first["approved"]) == first


def test_an_erasure_that_failed_is_done_again_and_passes_when_the_residue_is_gone(
    plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "answers.json").write_text(json.dumps({"answer": documents[0].text}))
    spec = searching(plant_store("folder"), documents, caches=[str(cache)])
    failed = erased(spec, tmp_path / "job")
    assert failed["verdict"]["outcome"] == "failed"
    assert failed["guarantee"] == "none"
    assert failed["verdict"]["sentences"][0] == f"residue in 1 of {len(failed['places'])} places"
    assert failed["verdict"]["sentences"][1].startswith("cache 1, file 1: ")
    (cache / "answers.json").unlink()
    assert erase(spec, tmp_path / "job", failed["approved"])["verdict"]["outcome"] == "passed"


def test_what_is_looked_for_is_kept_for_its_owner_alone_and_removed_when_the_job_has_passed(
    spec: StoreSpec, tmp_path: Path
) -> None:
    job = tmp_path / "job"
    listing = find_documents(spec, job)
    assert stat.S_IMODE(job.stat().st_mode) == 0o700
    assert stat.S_IMODE((job / "sought.jsonl").stat().st_mode) == 0o600
    erase(spec, job, listing.digest)
    assert not (job / "sought.jsonl").exists()


def test_results_and_journals_name_no_document_and_quote_none(
    spec: StoreSpec, documents: list[Document], tmp_path: Path
) -> None:
    erased(spec, tmp_path / "job")
    kept = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "job").glob("*.json"))
    assert "Résumé" not in kept
    assert json.dumps("Résumé")[1:-1] not in kept
    for document in documents[:SOUGHT]:
        assert f'"{document.key}"' not in kept


def test_two_jobs_in_one_folder_at_once_are_refused(spec: StoreSpec, tmp_path: Path) -> None:
    with journal_opened(tmp_path / "job", spec):
        _assert_refused("locked", lambda: find_documents(spec, tmp_path / "job"))


def test_a_folder_of_another_spec_and_one_inside_the_store_are_refused(spec: StoreSpec, tmp_path: Path) -> None:
    find_documents(spec, tmp_path / "job")
    other = spec_from({"store": {"kind": "folder", **spec.settings}, "find": {"keys": ["1001"]}})
    _assert_refused("bad_job", lambda: find_documents(other, tmp_path / "job"))
    _assert_refused("bad_job", lambda: find_documents(spec, Path(spec.settings["path"]) / "job"))


def test_a_damaged_journal_is_refused(spec: StoreSpec, tmp_path: Path) -> None:
    find_documents(spec, tmp_path / "job")
    (tmp_path / "job" / "journal.json").write_text("{}")
    _assert_refused("bad_job", lambda: find_documents(spec, tmp_path / "job"))


def test_a_job_that_has_lost_what_it_looks_for_is_refused(spec: StoreSpec, tmp_path: Path) -> None:
    listing = find_documents(spec, tmp_path / "job")
    (tmp_path / "job" / "sought.jsonl").unlink()
    _assert_refused("bad_job", lambda: erase(spec, tmp_path / "job", listing.digest))
    assert _count(spec) == 60


def test_nothing_found_is_an_outcome_of_its_own(spec: StoreSpec, tmp_path: Path) -> None:
    nothing = spec_from({"store": {"kind": "folder", **spec.settings}, "find": {"keys": ["nobody"]}})
    _assert_refused("nothing_found", lambda: find_documents(nothing, tmp_path / "job"))
    _assert_refused("not_approved", lambda: erase(nothing, tmp_path / "job", ""))


def test_a_search_that_names_everything_is_refused(spec: StoreSpec, tmp_path: Path) -> None:
    everything = {"store": {"kind": "folder", **spec.settings}, "find": {"queries": [{"kind": "exact", "value": "said"}]}}
    _assert_refused("names_everything", lambda: find_documents(spec_from(everything), tmp_path / "job"))
    with pytest.raises(SpecError):
        spec_from(everything | {"find": {"keys": [" "]}})
    assert find_documents(spec_from(everything | {"most_share": 1}), tmp_path / "all").count == 60


@pytest.mark.parametrize("kind", ["caches", "closed_book"])
def test_folders_that_are_needed_later_are_looked_for_before_anything_is_deleted(
    plant_store: Planted, documents: list[Document], tmp_path: Path, kind: str
) -> None:
    missing = str(tmp_path / "missing")
    more = [missing] if kind == "caches" else {"model": missing, "questions": []}
    spec = searching(plant_store("folder"), documents, **{kind: more})
    _assert_refused("wrong_path", lambda: find_documents(spec, tmp_path / "job"))


def test_an_erasure_that_has_begun_cannot_be_listed_anew(spec: StoreSpec, tmp_path: Path) -> None:
    erased(spec, tmp_path / "job")
    _assert_refused("begun", lambda: find_documents(spec, tmp_path / "job"))


def test_looking_again_finds_what_comes_back(spec: StoreSpec, documents: list[Document], tmp_path: Path) -> None:
    erased(spec, tmp_path / "job")
    clean = verify(spec, tmp_path / "job")
    assert (clean["left"], clean["looked_for"]) == (0, "spec")
    (Path(spec.settings["path"]) / "restored").write_text(documents[0].text, encoding="utf-8")
    back = verify(spec, None)
    assert back["left"] == 1
    assert any(place["texts"] for place in back["places"])


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"store": {"kind": "unknown"}},
        {"store": {"kind": "folder"}, "find": {"keys": ["a"]}},
        {"store": {"kind": "folder", "path": "x", "colour": 1}, "find": {"keys": ["a"]}},
        {"store": {"kind": "folder", "path": "x"}, "find": {}},
        {"store": {"kind": "folder", "path": "x"}, "find": {"keys": "a"}},
        {"store": {"kind": "folder", "path": "x"}, "find": {"meanings": ["a"]}},
        {"store": {"kind": "folder", "path": "x"}, "find": {"queries": [{"kind": "image", "value": "a"}]}},
        {"store": {"kind": "folder", "path": "x"}, "find": {"queries": [{"kind": "exact", "value": "!!"}]}},
        {"store": {"kind": "folder", "path": "x"}, "find": {"keys": ["a"]}, "most_share": 0},
        {"store": {"kind": "folder", "path": "x"}, "find": {"keys": ["a"], "text": "b"}},
    ],
)
def test_a_spec_that_says_too_little_or_too_much_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises((EngineError, KeyError, TypeError)):
        spec_from(stored)


def _kill(monkeypatch: pytest.MonkeyPatch, step: str, *, before: bool) -> None:
    """Have the work of a step end as a killed process does: begun, and not noted as done."""
    do = Journal.do

    def killed(journal: Journal, name: str, work: Callable[[], Any]) -> dict[str, Any]:
        if name != step:
            return do(journal, name, work)

        def cut_short() -> Any:
            if not before:
                work()
            raise KilledError

        return do(journal, name, cut_short)

    monkeypatch.setattr(Journal, "do", killed)


def _count(spec: StoreSpec) -> int:
    return sum(len(files) for _, _, files in os.walk(spec.settings["path"]))


def _assert_refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(StoreError) as refused:
        act()
    assert refused.value.code == code
