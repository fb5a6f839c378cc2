"""The story that a bundle tells: the record's entries, what was signed about them, and the files that were signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.evidence.registered import models_of_items, registered_model
from compliance.evidence.statements import Release, UnlearningReport
from compliance.formats.contracts import parse
from compliance.formats.errors import VerificationError
from compliance.formats.findings import Evaluation
from compliance.formats.protocol import SHARES, Protocol
from compliance.formats.results import RESULT_VERSION, JobResult

from .raw_outputs import OUTPUTS, TRAJECTORY, Margins, RawOutputs, open_parquet, read_margins, read_outputs
from .specification import Specification

Attempt = tuple[str, int]
"""An item and the number of the attempt at it."""


@dataclass(frozen=True)
class ToldReport:
    """A report, and what its files say. What the teller does not have is None, and nothing is compared with it."""

    report: UnlearningReport
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file that the report names, by its name below the attempt's folder: `result.json`."""
    result: Any = None
    """Content of `result.json`."""
    spec: Any = None
    """Content of `spec.json`."""
    outputs: RawOutputs | None = None
    """Content of `outputs/examples.parquet`."""
    margins: Margins | None = None
    """Content of `outputs/trajectory.parquet`; empty if there is none."""
    in_earlier_words: bool = False
    """Whether an earlier version of Lethe started the job: by what the record says, whatever the result says."""

    @cached_property
    def findings(self) -> JobResult | None:
        """`result.json` by its contract (FormatError if it is none)."""
        return None if self.result is None else parse(JobResult, self.result)

    @property
    def evaluation(self) -> Evaluation | None:
        """What the result says about the model (VerificationError if nothing)."""
        if self.findings is None:
            return None
        if self.findings.evaluation is None:
            message = "result.json has no evaluation."
            raise VerificationError(message)
        return self.findings.evaluation

    @cached_property
    def specification(self) -> Specification | None:
        """`spec.json` by its contract (FormatError if it is none)."""
        return None if self.spec is None else parse(Specification, self.spec)

    @cached_property
    def protocol(self) -> Protocol:
        """The report's protocol by its contract (FormatError if it is none)."""
        return parse(Protocol, self.report.protocol)

    @property
    def first_version(self) -> bool:
        """Whether the result was written before the shipped model and single examples were judged.

        Only the words of the record's history say so. That an approved protocol asks for the share of missed or damaged
        examples shows that it was not.
        """
        shares = any(estimand.kind in SHARES for estimand in self.protocol.estimands)
        return self.in_earlier_words and not shares and self.findings is not None and self.findings.version == 1


@dataclass(frozen=True)
class Story:
    """Everything that is compared. The verifier reads it from a bundle, the signing process from the record and its disk."""

    request: str
    """The request's reference, such as `LE-7KQ4-M2XD`."""
    entries: Sequence[EntryBody]
    """The request's history, in order."""
    others: Sequence[EntryBody] = ()
    """Entries about other subjects that the reports refer to."""
    reports: Mapping[Attempt, ToldReport] = field(default_factory=dict)
    releases: Mapping[Attempt, Release] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> list[EntryBody]:
        return [entry for entry in self.entries if entry.kind in kinds]

    def base_of(self, attempt: Attempt) -> EntryBody | None:
        """Return the entry that registered the model that a reported attempt started from."""
        return registered_model(
            self.others, self.reports[attempt].report.base_model_sha256, self._models.get(attempt[0], "")
        )

    @cached_property
    def _models(self) -> Mapping[str, str]:
        return models_of_items(self.entries)


def outputs_read(told: ToldReport, folder: Path) -> ToldReport:
    """Return the report with its raw outputs, from the folder of its attempt. Everything in `outputs` must be Parquet.

    Raises:
        VerificationError: there are none, or something else is there.
        NotRecomputableError: they cannot be read here.
    """
    names = sorted(name for name in told.files if name.startswith("outputs/"))
    if OUTPUTS not in names:
        message = f"there is no {OUTPUTS}."
        raise VerificationError(message)
    for name in names:
        open_parquet(folder / name)
    margins = read_margins(folder / TRAJECTORY) if TRAJECTORY in names else {}
    version = RESULT_VERSION if told.findings is None else told.findings.version
    return replace(told, outputs=read_outputs(folder / OUTPUTS, version), margins=margins)
