"""The story that a bundle tells: the record's entries, what was signed about them, and the files that were signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.evidence.statements import Release, UnlearningReport
from compliance.formats.errors import VerificationError

from .raw_outputs import OUTPUTS, RawOutputs, open_parquet, read_outputs

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
    return replace(told, outputs=read_outputs(folder / OUTPUTS))
