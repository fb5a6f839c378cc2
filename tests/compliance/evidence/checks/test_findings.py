"""What the engine wrote is what was signed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from compliance.evidence.__main__ import main
from compliance.evidence.agreements import raw_outputs
from compliance.evidence.agreements.raw_outputs import OUTPUTS
from compliance.evidence.record import EntryBody
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import sha256_hex
from compliance.formats.errors import FormatError
from compliance.formats.results import ANSWERS
from tests.compliance.evidence import sample as sample_module
from tests.compliance.evidence.engine_files import ANSWERS_DIGEST
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.sample import SampleRequest
from tests.compliance.evidence.stories import OTHER_DIGEST, approve_and_run, assert_fails, verify_story

TWICE = "stands twice agrees"
RAW = "raw outputs are of the examples"


def altered(monkeypatch: pytest.MonkeyPatch, file: str, change: dict[str, Any]) -> None:
    """Let the engine write something else than is signed."""
    write_files = SampleRequest.write_files

    def write(self: SampleRequest, attempt: int, spec: dict[str, Any], result: dict[str, Any]) -> dict[str, bytes]:
        given = {"spec": spec, "result": result}
        return write_files(self, attempt, **given | {file: given[file] | change})

    monkeypatch.setattr(SampleRequest, "write_files", write)


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("result", {"evaluation": None}, "result.json has no evaluation"),
        ("result", {"evaluation": {"limits": [], "verdict": None, "estimands": 3}}, "JobResult.evaluation lacks"),
        ("result", {"files": {}}, "raw outputs are not those"),
        ("result", {"files": {"outputs/examples.parquet": OTHER_DIGEST}}, "raw outputs are not those"),
        ("spec", {"forget_ids": "r7"}, "Specification.forget_ids must be a list"),
        ("spec", {"earlier": [1]}, "Specification.earlier[0] must be an object"),
    ],
)
def test_an_engines_file_of_another_form_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, change: dict[str, Any], reason: str
) -> None:
    altered(monkeypatch, file, change)
    assert_fails(verify_story(tmp_path, approve_and_run), TWICE, reason)


def test_a_report_that_leaves_out_a_limit_fails(tmp_path: Path) -> None:
    story = verify_story(tmp_path, lambda sample: approve_and_run(sample, does_not_show=("Nothing.",)))
    assert_fails(story, TWICE, "a limit of the evaluation is left out")


def test_a_report_that_passed_although_the_recorded_run_failed_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.complete(1, "failed")
        sample.sign_report(1, "passed")
        sample.release(1)

    assert_fails(verify_story(tmp_path, story), TWICE, 'job.completed verdict: "failed"; report verdict.outcome: "passed"')


def test_raw_outputs_that_are_no_parquet_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_module, "outputs", lambda _attempt, _outcome: b"PAR1 and something else")
    altered(monkeypatch, "result", {"files": {OUTPUTS: sha256_hex(b"PAR1 and something else"), ANSWERS: ANSWERS_DIGEST}})
    assert_fails(verify_story(tmp_path, approve_and_run), RAW, "examples.parquet is not a Parquet file")


def test_raw_outputs_without_the_columns_of_raw_outputs_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet_of_others(tmp_path, monkeypatch, {"seed": [1], "margin": [0.5]})
    assert_fails(verify_story(tmp_path, approve_and_run), RAW, "lacks columns")


def test_models_that_were_measured_on_different_examples_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: dict[str, list[Any]] = {
        "group": ["oracle"] * 2,
        "seed": [1, 2],
        "set": ["forget"] * 2,
        "example_id": ["r1", "r2"],
        "margin": [1.0, 2.0],
    }
    parquet_of_others(tmp_path, monkeypatch, rows)
    assert_fails(verify_story(tmp_path, approve_and_run), RAW, "different examples of the set")


def parquet_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: dict[str, list[Any]]) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "others")
    content = (tmp_path / "others").read_bytes()
    monkeypatch.setattr(sample_module, "outputs", lambda _attempt, _outcome: content)
    altered(monkeypatch, "result", {"files": {OUTPUTS: sha256_hex(content), ANSWERS: ANSWERS_DIGEST}})


@pytest.mark.parametrize("limit", ["pyarrow", "rows"])
def test_raw_outputs_that_cannot_be_read_here_are_not_checked_which_is_no_pass(
    honest_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: str
) -> None:
    if limit == "pyarrow":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    else:
        monkeypatch.setattr(raw_outputs, "MAX_ROWS", 1)
    result = verify_bundle(honest_bundle)
    assert {step.title for step in result.steps if not step.passed} == {
        step.title for step in result.steps if RAW in step.title
    }
    assert result.incomplete
    assert not result.passed
    assert main(["verify", str(honest_bundle)]) == 4
    assert "Not verified: no step failed, but step 17 was not checked" in capsys.readouterr().out


@pytest.mark.parametrize("field", ["result_sha256", "model_sha256", "verdict"])
def test_a_record_that_leaves_out_how_the_job_ended_fails(field: str) -> None:
    data = {"item": "1", "attempt": 1, "result_sha256": OTHER_DIGEST, "model_sha256": OTHER_DIGEST, "verdict": "passed"}
    del data[field]
    with pytest.raises(FormatError, match=field):
        EntryBody.of(subject="request:LE-1", number=1, kind="job.completed", at=START, actor="system", data=data)
