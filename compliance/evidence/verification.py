"""Verification of a bundle in numbered steps. Needs the folder alone; no network, no database, no Django.

A step that fails says why. Steps that need what a failed step should have established are reported as not checked. Only a
bundle whose every step passed is verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from compliance.formats.errors import EvidenceError
from compliance.formats.translation import gettext_noop as _

from .bundle import BundleFolder
from .checks import attestations, conduct, findings, log

T = TypeVar("T")
Status = Literal["passed", "failed", "not checked"]

LIMITS = (
    "A pass does not prove that the measurements were honest, that the log shows everybody the same history, "
    "or anything that the signed reports list under does_not_show"
)


@dataclass(frozen=True)
class StepResult:
    """One numbered step: what was looked at, how it went, and why."""

    number: int
    title: str
    status: Status
    reason: str

    @property
    def passed(self) -> bool:
        return self.status == "passed"


@dataclass(frozen=True)
class Verification:
    """Every step in order, and one closing sentence."""

    steps: tuple[StepResult, ...]
    summary: str

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)


class NotEstablishedError(Exception):
    """A step asked for what an earlier step should have established and did not."""


@dataclass(frozen=True)
class Finding(Generic[T]):
    """What a step established; asking a failed step for it raises NotEstablishedError."""

    number: int
    found: tuple[T, ...]

    @property
    def value(self) -> T:
        if not self.found:
            message = f"step {self.number} did not pass"
            raise NotEstablishedError(message)
        return self.found[0]


class Steps:
    """Runs checks one after the other and keeps their results."""

    def __init__(self) -> None:
        self.results: list[StepResult] = []

    def run(self, title: str, check: Callable[[], T], told: Callable[[T], str] = lambda _found: "") -> Finding[T]:
        """Runs `check`; `told` words what it established, for the reader."""
        try:
            value = check()
            self._note(title, "passed", told(value))
            return Finding(len(self.results), (value,))
        except NotEstablishedError as error:
            self._note(title, "not checked", str(error))
        except EvidenceError as error:
            self._note(title, "failed", str(error))
        except RecursionError:
            self._note(title, "failed", "The JSON is nested too deeply.")
        except OSError as error:
            self._note(title, "failed", f"A file cannot be read: {error.strerror}.")
        except Exception as error:  # noqa: BLE001  # whatever bytes come, the verifier gets a named step and no traceback
            self._note(title, "failed", f"The check itself broke on this input ({type(error).__name__}).")
        return Finding(len(self.results), ())

    def _note(self, title: str, status: Status, reason: str) -> None:
        self.results.append(StepResult(len(self.results) + 1, title, status, reason))


def verify_bundle(directory: Path, trust: bytes | None = None) -> Verification:
    """Verifies the bundle in `directory`.

    Args:
        directory: the bundle.
        trust: the bytes of a trust file that the verifier got from the operator directly. Without one the bundle's own is
            used: that shows integrity, but not whose keys they are.
    """
    steps = Steps()
    run = steps.run
    # 1. Nothing but what a bundle has: known names, regular files, bounded sizes.
    folder = run(
        _("The folder holds the files of a bundle and nothing else"),
        lambda: BundleFolder.open(directory),
        lambda found: f"{len(found.names)} files",
    )
    # 2. The keys.
    trusted = run(
        _("The trust file is well formed"), lambda: log.read_trust(folder.value, trust), lambda found: f"log {found.origin}"
    )
    # 3. The log's head.
    signed = run(
        _("The checkpoint is signed by the log"),
        lambda: log.read_checkpoint(folder.value, trusted.value),
        lambda found: f"{found.checkpoint.size} entries in the log",
    )
    # 4. Every line's place under that head.
    record = run(
        _("Every record line is in the log under that checkpoint"),
        lambda: log.read_record(folder.value, signed.value.checkpoint),
        lambda found: f"{len(found)} lines",
    )
    # 5. One request's history, with no gap and with its seal at the end.
    history = run(
        _("The record is one request's whole history up to its seal"),
        lambda: log.read_history(record.value),
        lambda found: f"request {found.request}, {len(found.entries)} entries",
    )
    # 6. The bundle's keys were published in the record, and the log's key was good when the latest entry was made.
    run(
        _("The trust file was published in the record, and the log's key was valid"),
        lambda: log.check_published(folder.value, history.value, trusted.value, signed.value),
    )
    # 7. No envelope missing, none added, none changed.
    envelopes = run(
        _("The attestations are those in the record, all of them"),
        lambda: attestations.match_envelopes(folder.value, history.value),
        lambda found: f"attestations: {len(found)}",
    )
    # 8. Right key, right type, right time.
    bodies = run(
        _("Every attestation is signed by a key that was allowed to sign it then"),
        lambda: attestations.check_signatures(envelopes.value, trusted.value),
    )
    # 9. About this request and about what the record says.
    statements = run(
        _("Every statement is about this request, and about the item and attempt in the record"),
        lambda: attestations.read_statements(bodies.value, history.value),
        _count_statements,
    )
    # 10. The files that were signed.
    run(
        _("The report files are those that were signed, all of them"),
        lambda: attestations.check_report_files(folder.value, statements.value),
        lambda found: f"{found} files",
    )
    # 11. What the engine wrote is what was signed.
    run(
        _("The engine's result and specification say what the signed reports say"),
        lambda: findings.check_findings(folder.value, statements.value),
    )
    # 12. The corpus and the models were in the record.
    run(
        _("The corpora and models that the reports name are registered in the record"),
        lambda: attestations.check_registrations(statements.value, history.value),
    )
    # 13. The protocol came first, and no result was kept back.
    run(
        _("Every protocol was approved before its run, and every completed run was reported"),
        lambda: conduct.check_runs(history.value, statements.value),
    )
    # 14. Different people.
    run(_("Nobody approved or released their own work"), lambda: conduct.check_duties(history.value))
    # 15. Only what passed was released.
    run(_("Only models of passed reports were released"), lambda: conduct.check_releases(history.value, statements.value))

    if not all(step.passed for step in steps.results):
        return Verification(tuple(steps.results), _failure(steps.results))
    return Verification(
        tuple(steps.results), _success(history.value, signed.value, bodies.value, own_trust=trust is not None)
    )


def _count_statements(found: attestations.Statements) -> str:
    outcomes = [signed.report.verdict.outcome for signed in found.reports.values()]
    return f"reports: {', '.join(outcomes) or 'none'}; releases: {len(found.releases) or 'none'}"


def _failure(results: list[StepResult]) -> str:
    first = next(step for step in results if not step.passed)
    return f"This bundle does not verify: step {first.number} failed ({first.title})."


def _success(
    history: log.History, signed: log.VerifiedCheckpoint, bodies: tuple[attestations.SignedBody, ...], *, own_trust: bool
) -> str:
    signers = sorted({signer for body in bodies for signer in body.signers})
    times = [body.envelope.place.entry.at for body in bodies]
    about = (
        f"{len(bodies)} attestation(s) about request {history.request} were signed by {', '.join(signers)} "
        f"between {times[0]} and {times[-1]}"
        if bodies
        else f"there is no attestation about request {history.request}"
    )
    owner = (
        "the keys are those of the trust file you gave"
        if own_trust
        else "the keys are those that the bundle itself names, so this shows integrity but not who owns them; "
        "get the trust file from the operator directly and pass it with --trust"
    )
    return (
        f"Every step passed: {about}, the record up to {history.entries[-1].entry.at} is under a checkpoint of "
        f"{signed.checkpoint.size} entries signed by {', '.join(sorted(signed.signers))}, and {owner}. {LIMITS}."
    )
