"""Tells the story of a real bundle again, with something changed, and signs it with the real keys.

Whatever follows from a changed file by a digest follows again: a changed specification has its own digest wherever that
stands, unless the digest itself is what a test changes. So changes are made in stages, from the raw outputs to the record.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from compliance.evidence import dsse
from compliance.evidence.bundle import BundleFolder, write_bundle
from compliance.evidence.statements import PREDICATES, RELEASE, UNLEARNING_REPORT, Statement, Subject
from compliance.formats.canonical import canonical_json, digest_of, parse_time, sha256_hex
from compliance.formats.contracts import parse
from compliance.record.keys import SigningKeys
from tests.compliance.evidence.log_in_memory import Log

STAGES = ("outputs", "spec", "result", "report", "release", "entries")
RESULT, SPEC, OUTPUTS = "result.json", "spec.json", "outputs/examples.parquet"


class Retold:
    """The parts of a bundle, to be changed."""

    def __init__(self, bundle: Path, keys: SigningKeys, folder: Path) -> None:
        self.keys, self.folder = keys, folder
        content = BundleFolder.open(bundle)
        self.trust = content.read("trust.json")
        self.entries: list[dict[str, Any]] = [
            {"subject": one.entry.subject, "kind": one.entry.kind, "actor": one.entry.actor, "at": one.entry.at}
            | {"data": dict(deepcopy(one.entry.data))}
            for one in content.record()
        ]
        self.predicates: dict[str, dict[int, dict[str, Any]]] = {UNLEARNING_REPORT: {}, RELEASE: {}}
        for name in content.attestations:
            statement = json.loads(base64.b64decode(json.loads(content.read(name))["payload"]))
            self.predicates[statement["predicateType"]][statement["predicate"]["attempt"]] = statement["predicate"]
        self.files = {name: content.read(name) for name in content.report_files}
        self.outputs = {n: parquet.read_table(bundle / self.path(n, OUTPUTS)).to_pylist() for n in self.reports}
        self.specs = {n: json.loads(self.files[self.path(n, SPEC)]) for n in self.reports}
        self.results = {n: json.loads(self.files[self.path(n, RESULT)]) for n in self.reports}

    @property
    def reports(self) -> dict[int, dict[str, Any]]:
        return self.predicates[UNLEARNING_REPORT]

    @property
    def releases(self) -> dict[int, dict[str, Any]]:
        return self.predicates[RELEASE]

    def path(self, attempt: int, name: str) -> str:
        return f"report/{self.reports[attempt]['item']}-{attempt}/{name}"

    def digest(self, name: str) -> str:
        return sha256_hex(self.files[name])

    def of_kind(self, kind: str) -> Iterator[dict[str, Any]]:
        return (entry for entry in self.entries if entry["kind"] == kind)

    def first(self, kind: str) -> dict[str, Any]:
        return next(self.of_kind(kind))

    def insert(self, after: str, kind: str, **data: Any) -> None:
        """Add an entry after the last one of a kind."""
        place = max(i for i, entry in enumerate(self.entries) if entry["kind"] == after)
        self.entries.insert(place + 1, self.entries[place] | {"kind": kind, "data": data})

    def write(self, changes: Mapping[str, Callable[[Retold], None]]) -> Path:
        """Apply the changes, each at its stage, let everything else follow, sign it, and write the bundle."""
        follow: tuple[Callable[[], None], ...] = (
            self._outputs,
            self._specs,
            self._results,
            self._reports,
            self._releases,
            lambda: None,
        )
        for stage, then in zip(STAGES, follow, strict=True):
            if stage in changes:
                changes[stage](self)
            then()
        return self._write()

    def _outputs(self) -> None:
        for attempt, rows in self.outputs.items():
            path = self.folder / f"{attempt}.parquet"
            parquet.write_table(pa.Table.from_pylist(rows), path)
            self.files[self.path(attempt, OUTPUTS)] = path.read_bytes()
            self.results[attempt]["files"][OUTPUTS] = sha256_hex(path.read_bytes())

    def _specs(self) -> None:
        for attempt, spec in self.specs.items():
            self.files[self.path(attempt, SPEC)] = canonical_json(spec)
            self.results[attempt]["spec_digest"] = self.reports[attempt]["spec_sha256"] = digest_of(spec)
            self._set(("job.created", "job.started"), attempt, "spec_sha256", digest_of(spec))

    def _results(self) -> None:
        for attempt, result in self.results.items():
            self.files[self.path(attempt, RESULT)] = canonical_json(result)
            self._set(("job.completed",), attempt, "result_sha256", sha256_hex(canonical_json(result)))

    def _reports(self) -> None:
        self.envelopes: dict[str, bytes] = {}
        for attempt, report in self.reports.items():
            prefix = self.path(attempt, "")
            files = [Subject(name, sha256_hex(raw)) for name, raw in self.files.items() if name.startswith(prefix)]
            self._sign(UNLEARNING_REPORT, attempt, [Subject("model", report["result_model_sha256"]), *files])
            if attempt in self.releases:
                self.releases[attempt]["report_envelope_sha256"] = sha256_hex(
                    self.envelopes[f"{UNLEARNING_REPORT}{attempt}"]
                )

    def _releases(self) -> None:
        for attempt, release in self.releases.items():
            self._sign(RELEASE, attempt, [Subject("model", release["released_model_sha256"])])

    def _sign(self, predicate_type: str, attempt: int, subjects: list[Subject]) -> None:
        predicate = parse(PREDICATES[predicate_type], self.predicates[predicate_type][attempt])
        envelope = dsse.sign(Statement(tuple(subjects), predicate).to_bytes(), self.keys.attestation).to_bytes()
        self.envelopes[f"{predicate_type}{attempt}"] = envelope
        for entry in self.of_kind("attestation.signed"):
            if (entry["data"]["attempt"], entry["data"]["predicate_type"]) == (attempt, predicate_type):
                entry["data"]["envelope_sha256"] = sha256_hex(envelope)

    def _set(self, kinds: tuple[str, ...], attempt: int, field: str, value: str) -> None:
        for entry in self.entries:
            if entry["kind"] in kinds and entry["data"]["attempt"] == attempt:
                entry["data"][field] = value

    def _write(self) -> Path:
        log = Log(self.keys.log, json.loads(self.trust)["origin"])
        for entry in self.entries:
            if entry["kind"] == "record.sealed":
                entry["data"]["entries"] = len(log.history(entry["subject"])) + 1
            log.place(entry["subject"], entry["kind"], entry["actor"], parse_time(entry["at"]), entry["data"])
        for name, raw in self.files.items():
            (self.folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "files" / name).write_bytes(raw)
        write_bundle(
            self.folder / "bundle",
            checkpoint=log.checkpoint(),
            record=[log.proven(entry) for entry in log.entries],
            envelopes=self.envelopes.values(),
            report_files={name: self.folder / "files" / name for name in self.files},
            trust=self.trust,
        )
        return self.folder / "bundle"


@dataclass(frozen=True)
class Real:
    """A real bundle and the keys that signed it."""

    bundle: Path
    keys: SigningKeys

    def retold(self, folder: Path) -> Retold:
        return Retold(self.bundle, self.keys, folder)
