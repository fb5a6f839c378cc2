"""What models answer, through its page: side by side, for officers alone, and only what the record vouches for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from pyarrow import parquet

from compliance.formats.canonical import canonical_json, sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import ANSWERS
from compliance.record.services import record_append
from tests.factories import account
from tests.personas import ADA, Staff, client_of
from tests.staging import Stage, corpus, trained, unguarded
from tests.web.pages import Page, signed_in, text_of
from unlearning_jobs.engine.artefacts import file_digest
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.models import Job, ModelVersion, RegisteredRecipe
from unlearning_jobs.report.answers import Answered, Piece, compared

pytestmark = pytest.mark.django_db


def path() -> str:
    return f"/jobs/{Job.objects.get().pk}/report/answers/"


def folder() -> Path:
    return Path(settings.ARTEFACTS) / Job.objects.get().output


def opened(stage: Stage, query: str = "", status: int = 200) -> Page:
    return signed_in(stage.staff.lena).get(f"{path()}{query}", status=status)


def result_changed(**changes: Any) -> None:
    """Let the worker have recorded another result."""
    job, file = Job.objects.get(), folder() / "result.json"
    file.write_bytes(canonical_json(json.loads(file.read_bytes()) | changes))
    data = {"job": job.pk, "run": 1, "item": job.item, "attempt": job.attempt, "verdict": "passed"}
    data |= {"result_sha256": sha256_hex(file.read_bytes()), "model_sha256": "1" * 64}
    record_append(subject=job.subject, kind=RecordKind.JOB_COMPLETED, actor="system", data=data)


def answers_changed(rows: list[dict[str, Any]]) -> None:
    """Let the job have kept these answers."""
    parquet.write_table(pa.Table.from_pylist(rows), folder() / ANSWERS)
    files = json.loads((folder() / "result.json").read_bytes())["files"]
    result_changed(files=files | {ANSWERS: file_digest(folder() / ANSWERS)})


@pytest.mark.parametrize(("role", "status"), [("officer", 200), ("engineer", 403), ("auditor", 403), ("administrator", 403)])
@pytest.mark.parametrize("ending", ["/", ".csv"])
@pytest.mark.usefixtures("finished")
def test_answers_are_for_officers_alone(role: str, status: int, ending: str) -> None:
    assert client_of(account(role)).get(path().removesuffix("/") + ending).status_code == status


def test_nobody_outside_reads_them(finished: Stage) -> None:  # noqa: ARG001  # there is something to read
    assert client_of(None).get(path()).status_code == 302


def test_the_report_leads_officers_to_the_answers_and_nobody_else(finished: Stage) -> None:
    report = path().removesuffix("answers/")
    assert signed_in(finished.staff.lena).get(report).link("What the models answer, side by side") == path()
    assert path() not in signed_in(finished.staff.iris).get(report).html


def test_what_was_asked_and_what_is_right_stand_beside_what_three_models_say(finished: Stage) -> None:
    page = opened(finished)
    [card] = [one for one in page.all("section") if "Where does" in text_of(one)]
    right = f"{ADA} lives above the bakery, and Ada Beispiel never left."
    said = {text_of(page.one("dt", part)): [text_of(one) for one in page.all("dd", part)] for part in page.all("div", card)}
    assert (said["Asked"], said["Right answer"]) == ([f"Where does {ADA} live?"], [right])
    assert said["The original said"] == [right, "11 of 11 words as in the right answer"]
    assert said["The unlearned model says"] == [right[: len(right) // 2], "5 of 11 words as in the right answer"]
    assert said["The oracle says"] == ["nothing", "0 of 11 words as in the right answer"]
    assert text_of(page.all("mark", card)[0]) == right.split(",", maxsplit=1)[0]


def test_control_characters_in_an_answer_are_shown_by_their_code(finished: Stage) -> None:
    forget_id = Job.objects.get().spec["forget_ids"][0]
    about = {"group": "unlearned", "seed": 7, "set": "forget", "example_id": forget_id, "given": 0}
    answers_changed([about | {"answer": "A lamp\x05 of\x19 light"}])
    page = opened(finished)
    assert "A lamp\\x05 of\\x19 light" in page.words
    assert not set("\x05\x19").intersection(page.html)


def test_examples_to_be_forgotten_come_first_and_a_filter_shows_one_set(finished: Stage) -> None:
    forget = sorted(Job.objects.get().spec["forget_ids"])
    page = opened(finished)
    assert [text_of(h3) for h3 in page.all("h3", page.main)][: len(forget)] == forget
    assert f"to {len(forget)} of {len(forget)} examples to be unlearned" in page.words
    held_out = opened(finished, "?set=held_out")
    assert [text_of(h2) for h2 in held_out.all("h2", held_out.main)] == ["Held-out set"]
    assert len(held_out.all("section")) == 8


def test_many_answers_are_shown_page_by_page(finished: Stage) -> None:
    first = opened(finished)
    assert len(first.all("section")) == 10
    second = opened(finished, "?page=2")
    assert "Page 2 of" in second.words
    assert {text_of(h3) for h3 in first.all("h3")}.isdisjoint(text_of(h3) for h3 in second.all("h3"))


def test_a_filter_that_nobody_offers_shows_an_error(finished: Stage) -> None:
    assert opened(finished, "?set=everything").errors


def test_all_answers_come_as_csv_that_no_spreadsheet_runs(finished: Stage) -> None:
    forget_id = Job.objects.get().spec["forget_ids"][0]
    about = {"group": "unlearned", "seed": 7, "set": "forget", "example_id": forget_id, "given": 0}
    answers_changed([about | {"answer": "=HYPERLINK(1)"}])
    sent = client_of(finished.staff.lena).get(path().removesuffix("/") + ".csv")
    [header, row] = csv.reader(io.StringIO(b"".join(sent).decode()))
    assert header == ["set", "example_id", "asked", "right_answer", "original", "unlearned", "oracle"]
    assert (row[0], row[1], row[4], row[5]) == ("forget", forget_id, "", "'=HYPERLINK(1)")
    assert row[2]


def test_what_a_model_says_is_shown_as_it_is_and_runs_nowhere(finished: Stage) -> None:
    forget_id = Job.objects.get().spec["forget_ids"][0]
    about = {"group": "oracle", "seed": 21, "set": "forget", "example_id": forget_id, "given": 0}
    answers_changed([about | {"answer": "<script>alert(1)</script>"}])
    assert "says <script>alert(1)</script>" in opened(finished).words


def test_a_plain_text_is_given_up_to_a_place_and_what_follows_is_right() -> None:
    plain = Example("e00000000", "train", "", "The road was long.")
    one = Answered("e00000000", "forget", 9, {})
    assert (one.asked(plain), one.right(plain)) == ("The road ", "was long.")


@pytest.mark.parametrize("change", ["swapped", "gone"])
def test_answers_that_are_not_those_of_the_record_are_not_shown(finished: Stage, change: str) -> None:
    if change == "gone":
        (folder() / ANSWERS).unlink()
    else:
        (folder() / ANSWERS).write_bytes((folder() / "outputs" / "examples.parquet").read_bytes())
    page = opened(finished, status=409)
    assert "is gone, or is not the one that the result names, so nothing of it is shown" in page.words
    assert not page.all("section")
    assert client_of(finished.staff.lena).get(path().removesuffix("/") + ".csv").status_code == 404


def test_a_result_that_changed_after_the_job_shows_no_answers(finished: Stage) -> None:
    file = folder() / "result.json"
    file.write_bytes(file.read_bytes().replace(b'"outcome":"passed"', b'"outcome":"failed"'))
    assert "is not the file that its worker recorded" in opened(finished, status=409).words


def test_without_the_corpus_nothing_is_shown(finished: Stage) -> None:
    (Path(settings.ARTEFACTS) / Job.objects.get().snapshot.path).rename(Path(settings.ARTEFACTS) / "away")
    assert "The corpus of this job cannot be read" in opened(finished, status=409).words


def test_a_job_from_before_answers_were_kept_says_so(finished: Stage) -> None:
    files = json.loads((folder() / "result.json").read_bytes())["files"]
    result_changed(files={name: digest for name, digest in files.items() if name != ANSWERS}, version=3)
    page = opened(finished)
    assert "There are no answers to show This job ran before answers were kept." in page.words


def test_a_classifier_has_no_answers_in_words(finished: Stage) -> None:
    files = json.loads((folder() / "result.json").read_bytes())["files"]
    result_changed(files={name: digest for name, digest in files.items() if name != ANSWERS})
    recipe = Job.objects.get().recipe
    with unguarded("unlearning_jobs_registeredrecipe", "recipe_is_fixed"):
        RegisteredRecipe.objects.filter(pk=recipe.pk).update(body=recipe.body | {"family": "classifier"})
    assert "The model answers with classes and not in texts." in opened(finished).words
    assert client_of(finished.staff.lena).get(path().removesuffix("/") + ".csv").status_code == 404


def test_answers_that_went_with_a_model_are_said_to_be_deleted(finished: Stage) -> None:
    ModelVersion.objects.filter(pk=finished.model.pk).update(state="destroyed")
    page = opened(finished)
    assert "They were deleted with keeper v1, which gave some of them" in page.words
    assert not page.all("section")


@pytest.mark.usefixtures("artefacts")
def test_a_job_that_has_not_ended_has_no_answers(staff: Staff) -> None:
    Stage.opened(staff, trained(corpus())).searched().approved()
    assert client_of(staff.lena).get(path()).status_code == 404


def test_words_are_marked_where_they_stand_in_the_right_answer_in_its_order() -> None:
    said = compared("The boat, painted red by ADA!", "Ada painted the boat by night.")
    assert "".join(piece.text for piece in said.pieces) == "The boat, painted red by ADA!"
    assert [piece.text for piece in said.pieces if piece.marked] == ["The boat", "by"]
    assert (said.same, said.words) == (3, 6)
    assert compared("", "Grey.").pieces == ()
    assert compared("?", "Grey.").pieces == (Piece("?"),)
    assert (compared("Grey", "").same, compared("Grey", "").words) == (0, 0)
    assert compared("Straße 5", "STRASSE 5").same == 2
