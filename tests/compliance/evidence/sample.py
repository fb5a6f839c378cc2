"""Builds bundles as the platform does, stage by stage, from public functions and throw-away keys.

Every bundle made here is correctly signed and logged, so a dishonest story fails at the story and not at a signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.evidence import dsse
from compliance.evidence.bundle import ProvenEntry, write_bundle
from compliance.evidence.record import EntryBody, mappers
from compliance.evidence.statements import (
    PREDICATES,
    UNLEARNING_REPORT,
    Method,
    Release,
    Statement,
    Subject,
    UnlearningReport,
    forget_set_digest,
    report_folder,
)
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.formats.canonical import digest_of, format_time, sha256_hex
from compliance.formats.verdicts import Reason, Verdict

from .engine_files import (
    BASE_MODEL,
    CORPUS,
    ENVIRONMENT,
    FORGOTTEN,
    PROTOCOL,
    RECIPE,
    SNAPSHOT,
    limits_of,
    outputs,
    result_model,
    result_of,
    spec_of,
    verdict_of,
)
from .entry_data import matches, stated
from .log_in_memory import ORIGIN, START, Log


class SampleRequest:
    """One request's evidence. Each method is a stage; its keyword arguments let a test tell another story."""

    def __init__(self, folder: Path, reference: str = "LE-7KQ4-M2XD") -> None:
        self.folder, self.reference, self.subject = folder, reference, f"request:{reference}"
        self.log_key, self.signer = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.log = Log(self.log_key)
        self.envelopes: dict[tuple[int, str], bytes] = {}
        self.report_files: dict[str, Path] = {}
        self.others: list[EntryBody] = []
        self.reports: dict[int, UnlearningReport] = {}
        self.trust = b""

    def prepare(self, *changes: TrustedKey) -> None:
        """Keys, corpus and model go into the record, among entries of other requests."""
        keys = changes or (
            TrustedKey.of(self.log_key.public_key(), "log", START),
            TrustedKey.of(self.signer.public_key(), "attestation", START, tuple(PREDICATES)),
        )
        self.trust = TrustFile("lethe-trust/1", ORIGIN, tuple(keys)).to_bytes()
        self.log.append("request:LE-OTHER", "request.submitted", "claimant", submitted_by="claimant")
        self.others = [
            self.log.append("keys:published", "keys.published", trust_sha256=sha256_hex(self.trust)),
            self.log.append("corpus:letters", "corpus.registered", **CORPUS),
            self.log.append("model:letters-1", "model.registered", **stated("model.registered", model_sha256=BASE_MODEL)),
        ]

    def submit(self, by: str = "claimant") -> None:
        self.log.append(self.subject, "request.submitted", by, **stated("request.submitted", submitted_by=by))
        self.log.append(self.subject, "message.queued", message=1, template="confirm_address")

    def map(self, by: str = "account:1") -> None:
        """Confirmed, searched, reviewed and granted."""
        self.log.append(self.subject, "request.confirmed", "claimant")
        self.log.append(self.subject, "message.queued", message=2, template="request_received")
        self.log.append(self.subject, "mapping.completed", **stated("mapping.completed", candidates=len(FORGOTTEN)))
        self.log.append(self.subject, "match.accepted", by, **stated("match.accepted", examples=matches(FORGOTTEN)))
        self.log.append("request:LE-OTHER", "match.accepted", by)
        self.log.append(self.subject, "item.created", by, **stated("item.created", examples=sorted(FORGOTTEN)))
        self.log.append(self.subject, "matches.decided", by, accepted=len(FORGOTTEN), rejected=0, items=["1"])
        self.log.append(self.subject, "review.completed", by, items=1)
        self.log.append(self.subject, "item.decided", by, **stated("item.decided"))

    def approve(self, attempt: int, by: str = "account:2", protocol: Mapping[str, Any] | None = None) -> None:
        data = {"attempt": attempt, "protocol_sha256": digest_of(protocol or PROTOCOL)}
        self.log.append(self.subject, "proposal.submitted", "account:1", **stated("proposal.submitted", **data))
        self.log.append(self.subject, "proposal.approved", by, **stated("proposal.approved", **data))
        self.log.append(self.subject, "job.created", by, **self.job(attempt))

    def job(self, attempt: int) -> dict[str, Any]:
        return {"item": "1", "attempt": attempt, "job": attempt, "spec_sha256": digest_of(self.spec())}

    def start(self, attempt: int) -> None:
        self.log.append(self.subject, "job.started", **stated("job.started", **self.job(attempt)))

    def complete(self, attempt: int, outcome: str = "passed", **changes: Any) -> None:
        """The engine's files, and what the worker records about them; `changes` go into the record alone."""
        files = self.write_files(attempt, self.spec(), self.result(attempt, self.spec(), verdict_of(outcome)))
        data: dict[str, Any] = {
            "item": "1",
            "attempt": attempt,
            "job": attempt,
            "run": 1,
            "result_sha256": sha256_hex(files["result.json"]),
            "model_sha256": result_model(attempt),
            "verdict": outcome,
        }
        self.log.append(self.subject, "job.run_ended", job=attempt, run=1, outcome="completed")
        self.log.append(self.subject, "job.completed", **(data | changes))
        self.log.append(self.subject, "item.evaluated", item="1", attempt=attempt, verdict=(data | changes)["verdict"])

    def sign_report(self, attempt: int, outcome: str = "passed", **changes: Any) -> None:
        """Writes the engine's files for one attempt and signs the report; `changes` go into the predicate alone."""
        verdict, spec = verdict_of(outcome), self.spec()
        files = self.write_files(attempt, spec, self.result(attempt, spec, verdict))
        fields = self.report_fields(attempt, spec, verdict) | changes
        self.reports[attempt] = UnlearningReport(**fields)
        folder = report_folder("1", attempt)
        self.report_files |= {f"{folder}/{name}": self.artefact(attempt, name) for name in files}
        subjects = [Subject("model", fields["result_model_sha256"])]
        subjects += [Subject(f"{folder}/{name}", sha256_hex(files[name])) for name in sorted(files)]
        self.sign(Statement(tuple(subjects), self.reports[attempt]))

    def spec(self) -> dict[str, Any]:
        return spec_of(self.reference)

    def result(self, attempt: int, spec: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
        return result_of(attempt, spec, verdict)

    def artefact(self, attempt: int, name: str) -> Path:
        return self.folder / "artefacts" / str(attempt) / name

    def write_files(self, attempt: int, spec: dict[str, Any], result: dict[str, Any]) -> dict[str, bytes]:
        verdict = (result["evaluation"] or {}).get("verdict") or {}
        files = {
            "result.json": json.dumps(result, indent=1).encode(),
            "spec.json": json.dumps(spec).encode(),
            "outputs/examples.parquet": outputs(attempt, verdict.get("outcome", "")),
        }
        for name, content in files.items():
            path = self.artefact(attempt, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return files

    def report_fields(self, attempt: int, spec: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
        times = {entry.kind: entry.at for entry in self.log.history(self.subject) if entry.data.get("attempt") == attempt}
        now = format_time(self.log.now)
        reasons = tuple(Reason(**reason) for reason in verdict["reasons"])
        return {
            "request": self.reference,
            "item": "1",
            "attempt": attempt,
            "method": Method(spec["method"]["name"], "empirical", {}),
            "spec_sha256": digest_of(spec),
            "protocol": PROTOCOL,
            "protocol_sha256": digest_of(PROTOCOL),
            "snapshot_sha256": SNAPSHOT,
            "manifest_root": CORPUS["manifest_root"],
            "forget_set_sha256": forget_set_digest(spec["forget_ids"]),
            "forget_count": len(FORGOTTEN),
            "base_model_sha256": BASE_MODEL,
            "result_model_sha256": result_model(attempt),
            "recipe_sha256": digest_of(RECIPE),
            "started_at": times.get("job.started", now),
            "finished_at": times.get("job.completed", now),
            "verdict": Verdict(verdict["outcome"], verdict["direction"], reasons),
            "does_not_show": limits_of(verdict["outcome"]),
            "environment": ENVIRONMENT,
        }

    def release(self, attempt: int, by: str = "account:3", **changes: Any) -> None:
        """The record's entry and the signed statement; `changes` go into the statement alone."""
        model = result_model(attempt)
        item = {"item": "1", "attempt": attempt}
        self.log.append(self.subject, "erasure.entered", by, **stated("erasure.entered", **item))
        self.log.append(self.subject, "item.released", by, **item, model_sha256=model, replaced_sha256=BASE_MODEL, copies=[])
        self.sign(Statement((Subject("model", model),), Release(**(self.release_fields(attempt, by) | changes))))

    def release_fields(self, attempt: int, by: str) -> dict[str, Any]:
        history = self.log.history(self.subject)
        approval = next(e for e in history if e.kind == "proposal.approved" and e.data["attempt"] == attempt)
        return {
            "request": self.reference,
            "item": "1",
            "attempt": attempt,
            "report_envelope_sha256": sha256_hex(self.envelopes[attempt, UNLEARNING_REPORT]),
            "released_model_sha256": result_model(attempt),
            "replaced_model_sha256": BASE_MODEL,
            "mapped_by": mappers(history, approval.number),
            "approved_by": approval.actor,
            "released_by": by,
            "record_entries": len(history),
        }

    def sign(self, statement: Statement, **changes: Any) -> None:
        """Signs a statement and enters it in the record; `changes` go into the record's entry alone."""
        predicate = statement.predicate
        envelope = dsse.sign(statement.to_bytes(), self.signer).to_bytes()
        self.envelopes[predicate.attempt, predicate.predicate_type] = envelope
        data: dict[str, Any] = {
            "item": predicate.item,
            "attempt": predicate.attempt,
            "predicate_type": predicate.predicate_type,
            "envelope_sha256": sha256_hex(envelope),
        }
        self.log.append(self.subject, "attestation.signed", **(data | changes))

    def seal(self) -> None:
        self.log.append(self.subject, "record.sealed", entries=len(self.log.history(self.subject)) + 1)
        self.log.append("request:LE-OTHER", "request.closed")

    def run(self, attempt: int, outcome: str = "passed", **changes: Any) -> None:
        self.start(attempt)
        self.complete(attempt, outcome)
        self.sign_report(attempt, outcome, **changes)

    def lines(self) -> list[ProvenEntry]:
        return [self.log.proven(entry) for entry in (*self.others, *self.log.history(self.subject))]

    def write(self, name: str = "bundle") -> Path:
        directory = self.folder / name
        write_bundle(
            directory,
            checkpoint=self.log.checkpoint(),
            record=self.lines(),
            envelopes=self.envelopes.values(),
            report_files=self.report_files,
            trust=self.trust,
        )
        return directory


def prepared(folder: Path, reference: str = "LE-7KQ4-M2XD") -> SampleRequest:
    """Submitted and mapped, with everything still to come."""
    sample = SampleRequest(folder, reference)
    sample.prepare()
    sample.submit()
    sample.map()
    return sample


def honest(folder: Path, reference: str = "LE-7KQ4-M2XD") -> SampleRequest:
    """A first attempt failed; a second passed and was released by a third officer."""
    sample = prepared(folder, reference)
    sample.approve(1)
    sample.run(1, "failed")
    sample.approve(2)
    sample.run(2, "passed")
    sample.release(2)
    sample.seal()
    return sample
