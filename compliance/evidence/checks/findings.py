"""The step about the engine's own files: result.json and spec.json agree with the signed report and with the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compliance.evidence.bundle import BundleFolder
from compliance.evidence.statements import UnlearningReport, forget_set_digest
from compliance.formats.canonical import canonical_json, digest_of, parse_json, sha256_hex
from compliance.formats.contracts import plain
from compliance.formats.errors import EvidenceError, VerificationError
from compliance.formats.record_kinds import RecordKind

from .attestations import SignedReport, Statements
from .log import History

Comparison = tuple[str, object, object]
"""The name of a value, the value in the file or in the record, and the value in the report."""


def check_findings(folder: BundleFolder, statements: Statements, history: History) -> None:
    """Check that the job, the outcome and the raw outputs of every report are those in its files and in the record."""
    for signed in statements.reports.values():
        try:
            result = _read(folder, signed, "result.json")
            _compare("result.json", _result_comparisons(result, signed.report))
            _check_limits(result, signed.report)
            _check_outputs(result, signed)
            _compare("spec.json", _spec_comparisons(_read(folder, signed, "spec.json"), signed.report))
            _check_completed(signed, history)
        except EvidenceError as error:
            message = f"{signed.folder}: {error}"
            raise VerificationError(message) from None


def _result_comparisons(result: object, report: UnlearningReport) -> list[Comparison]:
    return [
        ("kind", _at(result, "kind"), "unlearn"),
        ("model_digest", _at(result, "model_digest"), report.result_model_sha256),
        ("spec_digest", _at(result, "spec_digest"), report.spec_sha256),
        ("evaluation.verdict", _at(result, "evaluation", "verdict"), plain(report.verdict)),
        ("environment", _at(result, "environment"), plain(report.environment)),
    ]


def _spec_comparisons(spec: object, report: UnlearningReport) -> list[Comparison]:
    forget_ids = _at(spec, "forget_ids")
    if not isinstance(forget_ids, list) or not all(isinstance(example_id, str) for example_id in forget_ids):
        message = "spec.json has no list of example ids to forget."
        raise VerificationError(message)
    return [
        ("the digest of the specification", digest_of(spec), report.spec_sha256),
        ("kind", _at(spec, "kind"), "unlearn"),
        ("method.name", _at(spec, "method", "name"), report.method.name),
        ("method.config", _at(spec, "method", "config"), plain(report.method.config)),
        ("protocol", _at(spec, "protocol"), plain(report.protocol)),
        ("snapshot.digest", _at(spec, "snapshot", "digest"), report.snapshot_sha256),
        ("model.digest", _at(spec, "model", "digest"), report.base_model_sha256),
        ("recipe", digest_of(_at(spec, "recipe")), report.recipe_sha256),
        ("the number of forget_ids", len(forget_ids), report.forget_count),
        ("forget_ids", forget_set_digest(forget_ids), report.forget_set_sha256),
    ]


def _check_completed(signed: SignedReport, history: History) -> None:
    """Compare the report with what the worker recorded when the job ended; that there is one entry is a later step."""
    for completed in history.of_kind(RecordKind.JOB_COMPLETED):
        if completed.entry.attempt == signed.envelope.place.entry.attempt:
            data, report = completed.entry.data, signed.report
            comparisons = [
                ("result_sha256", data["result_sha256"], signed.files[f"{signed.folder}/result.json"]),
                ("model_sha256", data["model_sha256"], report.result_model_sha256),
                ("verdict", data["verdict"], report.verdict.outcome),
            ]
            _compare(f"record entry {completed.index} ({RecordKind.JOB_COMPLETED})", comparisons)


def _check_limits(result: object, report: UnlearningReport) -> None:
    limits = _at(result, "evaluation", "limits")
    if not isinstance(limits, list) or any(limit not in report.does_not_show for limit in limits):
        message = "the signed report leaves out a limit that the evaluation names."
        raise VerificationError(message)


def _check_outputs(result: object, signed: SignedReport) -> None:
    """Check that all raw outputs are signed, with the digests that result.json lists."""
    files = _at(result, "files")
    listed = {f"{signed.folder}/{name}": digest for name, digest in files.items()} if isinstance(files, dict) else {}
    prefix = f"{signed.folder}/outputs/"
    if any(name in listed and listed[name] != digest for name, digest in signed.files.items()):
        message = "result.json lists another digest for a signed file."
        raise VerificationError(message)
    if {name for name in listed if name.startswith(prefix)} != {name for name in signed.files if name.startswith(prefix)}:
        message = "the signed raw outputs are not those that result.json lists."
        raise VerificationError(message)


def _compare(file: str, comparisons: Iterable[Comparison]) -> None:
    for name, in_file, in_report in comparisons:
        # As canonical JSON, because 1, 1.0 and True are equal in Python.
        if canonical_json(in_file) != canonical_json(in_report):
            message = f"{file} and the signed report differ in {name}."
            raise VerificationError(message)


def _read(folder: BundleFolder, signed: SignedReport, name: str) -> object:
    path = f"{signed.folder}/{name}"
    raw = folder.read(path)
    # An earlier step has hashed this file already, but from disk: these are the bytes that are used.
    if sha256_hex(raw) != signed.files[path]:
        message = f"{name} changed while it was read."
        raise VerificationError(message)
    return parse_json(raw)


def _at(value: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            message = f"the file lacks {'.'.join(path)}."
            raise VerificationError(message)
        value = value[key]
    return value
