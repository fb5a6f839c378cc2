from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from compliance.evidence.statements import Release, Statement, Subject, UnlearningReport, forget_set_digest, report_folder
from compliance.formats.canonical import canonical_json
from compliance.formats.errors import FormatError, PersonalDataError
from compliance.formats.verdicts import Verdict

from .sample import SampleRequest

DIGEST = "cd" * 32


@pytest.fixture
def report(honest_sample: SampleRequest) -> UnlearningReport:
    return honest_sample.reports[2]


@pytest.fixture
def release(honest_sample: SampleRequest) -> Release:
    return Release(**honest_sample.release_fields(2, "account:3"))


def test_a_report_statement_is_read_back(report: UnlearningReport) -> None:
    statement = Statement((Subject("model", DIGEST), Subject("report/1-2/result.json", DIGEST)), report)
    assert Statement.from_bytes(statement.to_bytes()) == statement


def test_a_release_statement_is_read_back(release: Release) -> None:
    statement = Statement((Subject("model", DIGEST),), release)
    assert Statement.from_bytes(statement.to_bytes()) == statement


def test_the_signed_form_is_an_in_toto_statement(release: Release) -> None:
    value = json.loads(Statement((Subject("model", DIGEST),), release).to_bytes())
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["subject"] == [{"digest": {"sha256": DIGEST}, "name": "model"}]
    assert value["predicateType"] == "https://lethe.example/attestations/release/v1"
    assert value["predicate"]["mapped_by"] == ["account:1"]


def altered(statement: Statement, *path: str, to: Any) -> bytes:
    value = json.loads(statement.to_bytes())
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return canonical_json(value)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "https://example.org/other/v1"),
        (("predicateType",), ["https://lethe.example/attestations/release/v1"]),
        (("predicate", "surprise"), 1),
        (("predicate", "attempt"), 0),
        (("predicate", "record_entries"), 0),
        (("predicate", "request"), "two words"),
        (("predicate", "item"), "a/b"),
        (("predicate", "released_model_sha256"), "short"),
        (("predicate",), None),
        (("subject",), []),
        (("subject",), [{"name": "model", "digest": {"sha256": DIGEST}}] * 2),
        (("subject",), [{"name": "model", "digest": {"sha512": DIGEST}}]),
        (("subject",), [{"name": "model", "digest": {"sha256": DIGEST, "sha512": DIGEST}}]),
        (("subject",), [{"name": "model", "digest": {"sha256": "x"}}]),
        (("subject",), [{"name": 1, "digest": {"sha256": DIGEST}}]),
        (("subject",), ["model"]),
        (("subject",), {"model": DIGEST}),
        (("extra",), True),
    ],
)
def test_a_statement_with_anything_unexpected_is_refused(release: Release, path: tuple[str, ...], to: object) -> None:
    statement = Statement((Subject("model", DIGEST),), release)
    with pytest.raises(FormatError):
        Statement.from_bytes(altered(statement, *path, to=to))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{}", b'{"predicateType":{}}'])
def test_what_is_no_statement_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        Statement.from_bytes(raw)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attempt": 0}, "1 or more"),
        ({"forget_count": 0}, "1 or more"),
        ({"finished_at": "2020-01-01T00:00:00Z"}, "no earlier than"),
        ({"started_at": "yesterday"}, "UTC time"),
        ({"does_not_show": ()}, "at least one sentence"),
        ({"protocol": {"alpha": 0.5}}, "digest of its protocol"),
        ({"manifest_root": "root"}, "SHA-256"),
    ],
)
def test_a_report_that_does_not_fit_together_is_refused(
    report: UnlearningReport, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        replace(report, **change)


def test_an_e_mail_address_never_gets_into_a_statement(report: UnlearningReport) -> None:
    with pytest.raises(PersonalDataError):
        replace(report, does_not_show=("Ask jane@example.org.",))


def test_an_unknown_outcome_is_refused(report: UnlearningReport) -> None:
    statement = Statement((Subject("model", DIGEST),), report)
    verdict: dict[str, Any] = {"outcome": "compliant", "direction": None, "reasons": []}
    with pytest.raises(FormatError, match="passed, failed, inconclusive"):
        Statement.from_bytes(altered(statement, "predicate", "verdict", to=verdict))


def test_a_direction_is_kept(report: UnlearningReport) -> None:
    overshot = replace(report, verdict=Verdict("failed", "overshot", ()))
    statement = Statement((Subject("model", DIGEST),), overshot)
    assert Statement.from_bytes(statement.to_bytes()).predicate == overshot


def test_the_digest_of_a_forget_set_does_not_depend_on_its_order() -> None:
    assert forget_set_digest(["b", "a"]) == forget_set_digest(("a", "b"))
    assert forget_set_digest(["b", "a"]) != forget_set_digest(["b"])


def test_each_attempt_has_a_folder_of_its_own() -> None:
    assert report_folder("3", 1) == "report/3-1"
