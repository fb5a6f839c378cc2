"""What the engine wrote is what was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.compliance.evidence.sample import SampleRequest
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
