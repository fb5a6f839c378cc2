"""The command that sweeps unregistered files for requests: tables of places for officers, and nothing in any case."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.record.models import RecordEntry
from requests_app.management.commands import corpus_sweep
from requests_app.models import Match, Search
from requests_app.services.intake import ClaimantDetails, TargetDetails, request_submit, request_withdraw
from tests.personas import ADA, ADA_EMAIL, Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.sweeping.shards import Reading, Shard

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "queues")]


@pytest.fixture
def stage(staff: Staff) -> Stage:
    return Stage.opened(staff, trained(corpus())).searched()


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    rows = [{"id": "=1+1", "text": f"Then {ADA} came."}, {"id": "b", "text": "Nothing."}]
    (tmp_path / "crawl.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "crawl.jsonl"


def swept(crawl: Path, out: Path | None, requests: str = "waiting", **options: bool) -> str:
    said = StringIO()
    call_command("corpus_sweep", str(crawl), requests=requests, out=out, stdout=said, **options)
    return said.getvalue()


def table(out: Path, stage: Stage) -> list[dict[str, str]]:
    with (out / f"{stage.request.reference}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def others(stage: Stage, *names: str) -> list[Stage]:
    """Further people whose requests wait."""
    return [Stage.opened(stage.staff, stage.model, f"other-{name}", TargetDetails(name=name)).searched() for name in names]


def test_officers_get_a_private_table_of_places_and_no_case_changes(stage: Stage, crawl: Path, tmp_path: Path) -> None:
    def facts() -> tuple[int, int, int]:
        return Match.objects.count(), Search.objects.count(), RecordEntry.objects.count()

    before = facts()
    said = swept(crawl, tmp_path / "out")
    [row] = table(tmp_path / "out", stage)

    assert (row["query"], row["file"], row["row"], row["start"]) == ("name", "crawl.jsonl", "1", "5")
    assert row["source_id"] == "'=1+1"  # no formula
    assert facts() == before
    assert f"{stage.request.reference}: 1 places" in said
    assert "These are places, not matches" in said
    assert ADA not in said
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [tmp_path / "out", *(tmp_path / "out").iterdir()]} == {0}


def test_every_waiting_request_is_swept_for_and_has_the_places_that_name_its_own_person(
    stage: Stage, crawl: Path, tmp_path: Path
) -> None:
    stages = [stage, *others(stage, "Mara Pinewood", "Nobody Atall", "Tilde Quarrington")]
    named = [f"{ADA} met Tilde Quarrington.", "Mara Pinewood slept.", "Nothing.", "Tilde Quarrington left."]
    crawl.write_text("".join(json.dumps({"text": text}) + "\n" for text in named))
    said = swept(crawl, tmp_path / "out")

    rows = {one.request.reference: [row["row"] for row in table(tmp_path / "out", one)] for one in stages}
    assert list(rows.values()) == [["1"], ["2"], [], ["1", "4"]]
    assert all(f"{reference}: {len(places)} places" in said for reference, places in rows.items())


def test_files_are_read_as_often_for_four_requests_as_for_one(
    stage: Stage, crawl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    examples = Reading.examples

    def reading(own: Reading, shard: Shard) -> Iterator[Example]:
        for example in examples(own, shard):
            read.append(example.document)
            yield example

    monkeypatch.setattr(Reading, "examples", reading)
    swept(crawl, tmp_path / "one", stage.request.reference)
    for_one = len(read)
    others(stage, "Mara Pinewood", "Nobody Atall", "Tilde Quarrington")
    swept(crawl, tmp_path / "four")
    assert len(read) == 2 * for_one


@pytest.mark.parametrize("options", [{"estimate": True}, {}])
def test_what_a_sweep_would_cost_is_said_and_nothing_is_written(
    stage: Stage, crawl: Path, tmp_path: Path, options: dict[str, bool]
) -> None:
    said = swept(crawl, tmp_path / "out" if options else None, "waiting", **options)
    queries = len([one for one in stage.request.searches.get().queries if not one["obstacle"]])
    assert f"1 files, 0.0 MB; {queries} queries at " in said
    assert " s in one process." in said
    assert "places" not in said
    assert not (tmp_path / "out").exists()


def test_the_cost_is_said_before_anything_is_swept(
    stage: Stage, crawl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stage.request.pk
    said = StringIO()

    def sweep(*_: object) -> None:
        assert " s in one process." in said.getvalue()
        message = "It begins now."
        raise RuntimeError(message)

    monkeypatch.setattr(corpus_sweep, "sweep", sweep)
    with pytest.raises(RuntimeError, match="begins now"):
        call_command("corpus_sweep", str(crawl), requests="waiting", out=tmp_path / "out", stdout=said)


def test_a_request_about_which_nothing_is_found_has_an_empty_table(stage: Stage, crawl: Path, tmp_path: Path) -> None:
    crawl.write_text('{"text": "Nothing at all."}\n')
    swept(crawl, tmp_path / "out", stage.request.reference)
    assert table(tmp_path / "out", stage) == []


def test_a_command_that_was_killed_before_its_tables_writes_them_when_it_is_run_again(
    stage: Stage, crawl: Path, tmp_path: Path
) -> None:
    swept(crawl, tmp_path / "out")
    (tmp_path / "out" / f"{stage.request.reference}.csv").unlink()
    assert "ended already" in swept(crawl, tmp_path / "out")
    assert len(table(tmp_path / "out", stage)) == 1


def test_a_folder_with_the_tables_of_another_sweep_is_refused(
    stage: Stage, crawl: Path, tmp_path: Path, staff: Staff
) -> None:
    """It said that a request which was never swept for had no places."""
    swept(crawl, tmp_path / "out", stage.request.reference)
    other = Stage.opened(staff, stage.model, "k2", TargetDetails(name="Bo Beispiel")).searched()
    with pytest.raises(CommandError, match="another sweep"):
        swept(crawl, tmp_path / "out", other.request.reference)
    assert not (tmp_path / "out" / f"{other.request.reference}.csv").exists()


def test_a_request_about_a_work_is_swept_for_and_what_only_an_index_can_find_is_said(
    staff: Staff, crawl: Path, tmp_path: Path
) -> None:
    line = "the lamp in the quiet harbour burned all night for nobody at all"
    crawl.write_text(json.dumps({"text": f"Recite: {line}."}) + "\n")
    request = request_submit(
        kind="copyright",
        language="en",
        claimant=ClaimantDetails(name=ADA, email=ADA_EMAIL),
        target=TargetDetails(work_title="Lamps", work_text=line),
        submission_key="k3",
    )
    stage = Stage(staff, trained(corpus()), request).searched()
    said = swept(crawl, tmp_path / "out")
    reference = stage.request.reference
    assert [row["query"] for row in table(tmp_path / "out", stage)] == ["work"]
    assert f"{reference}/work-meaning could not be searched for: only an index can find it, and no pass over texts" in said
    assert f"{reference}/title could not be searched for: it is so short that too many texts contain it by chance" in said


def test_closed_requests_are_not_swept_for(stage: Stage, crawl: Path, tmp_path: Path) -> None:
    request_withdraw(token=stage.token("status", f"status-{stage.request.pk}"))
    for requests in ("waiting", stage.request.reference, "LE-0000-0000"):
        with pytest.raises(CommandError):
            swept(crawl, tmp_path / "out", requests)
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_read_are_said_without_a_word_of_them(stage: Stage, crawl: Path, tmp_path: Path) -> None:
    crawl.write_text('{"unknown": "Ada"}\n')
    with pytest.raises(CommandError, match="--role"):
        swept(crawl, tmp_path / "out", stage.request.reference)
