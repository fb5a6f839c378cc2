"""What the engine wrote is what was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.record import EntryBody
from compliance.formats.errors import FormatError
from tests.compliance.evidence.sample import START, SampleRequest
from tests.compliance.evidence.stories import OTHER_DIGEST, approve_and_run, assert_fails, verify_story


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("result", {"kind": "train"}, "differ in kind"),
        ("result", {"model_digest": OTHER_DIGEST}, "differ in model_digest"),
        ("result", {"spec_digest": OTHER_DIGEST}, "differ in spec_digest"),
        ("result", {"environment": {}}, "differ in environment"),
        ("result", {"evaluation": {"limits": [], "verdict": {"outcome": "failed"}}}, "differ in evaluation.verdict"),
        ("result", {"evaluation": None}, "lacks evaluation.verdict"),
        ("result", {"files": {}}, "raw outputs are not those"),
        ("result", {"files": {"outputs/margins.parquet": OTHER_DIGEST}}, "another digest for a signed file"),
        ("spec", {"forget_ids": ["r7", "r3"]}, "differ in the digest of the specification"),
        ("spec", {"forget_ids": "r7"}, "no list of example ids"),
    ],
)
def test_a_report_that_says_something_else_than_the_engine_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, change: dict[str, Any], reason: str
) -> None:
    write_files = SampleRequest.write_files

    def altered(self: SampleRequest, attempt: int, spec: dict[str, Any], result: dict[str, Any]) -> dict[str, bytes]:
        given = {"spec": spec, "result": result}
        return write_files(self, attempt, **given | {file: given[file] | change})

    monkeypatch.setattr(SampleRequest, "write_files", altered)
    assert_fails(verify_story(tmp_path, approve_and_run), "result and specification", reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"forget_set_sha256": OTHER_DIGEST}, "forget_ids"),
        ({"forget_count": 3}, "the number of forget_ids"),
        ({"recipe_sha256": OTHER_DIGEST}, "recipe"),
        ({"does_not_show": ("Nothing.",)}, "leaves out a limit"),
    ],
)
def test_a_report_that_misstates_its_specification_fails(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    assert_fails(
        verify_story(tmp_path, lambda sample: approve_and_run(sample, **change)), "result and specification", reason
    )


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        ({"verdict": "failed"}, "differ in verdict"),
        ({"model_sha256": OTHER_DIGEST}, "differ in model_sha256"),
        ({"result_sha256": OTHER_DIGEST}, "differ in result_sha256"),
    ],
)
def test_a_report_that_contradicts_what_the_worker_recorded_fails(
    tmp_path: Path, recorded: dict[str, Any], reason: str
) -> None:
    """Correctly signed, with files that agree: only the record of the job's end says something else."""

    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.complete(1, **recorded)
        sample.sign_report(1)

    assert_fails(verify_story(tmp_path, story), "and with the record", reason)


def test_a_report_that_passed_although_the_recorded_run_failed_fails(tmp_path: Path) -> None:
    def story(sample: SampleRequest) -> None:
        sample.approve(1)
        sample.start(1)
        sample.complete(1, "failed")
        sample.sign_report(1, "passed")
        sample.release(1)

    assert_fails(verify_story(tmp_path, story), "and with the record", "differ in result_sha256")


@pytest.mark.parametrize("field", ["result_sha256", "model_sha256", "verdict"])
def test_a_record_that_leaves_out_how_the_job_ended_fails(field: str) -> None:
    data = {"item": "1", "attempt": 1, "result_sha256": OTHER_DIGEST, "model_sha256": OTHER_DIGEST, "verdict": "passed"}
    del data[field]
    with pytest.raises(FormatError, match=field):
        EntryBody.of(subject="request:LE-1", number=1, kind="job.completed", at=START, actor="system", data=data)
