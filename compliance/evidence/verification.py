"""Verifies a bundle in numbered steps. Needs only the folder: no network, no database, no Django.

A step that fails says why. Steps that rely on what a failed step should have established are reported as not checked, and so
is the step about the raw outputs where pyarrow is missing, and any for which there is too little memory. A bundle is
verified only if every step passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from compliance.formats.errors import EvidenceError
from compliance.formats.translation import gettext_noop as _

from .agreements import AGREEMENTS, NotRecomputableError
from .bundle import TRUST, BundleFolder
from .checks import attestations, conduct, course, findings, log
from .trust import TrustFile

T = TypeVar("T")
Status = Literal["passed", "failed", "not checked"]
KeySource = Literal["bundle", "trust file"]
"""Where the keys that counted came from: the bundle's own trust file, or one that came by another route."""

LIMITS = (
    "A pass does not prove that the measurements were honest, that the log shows everybody the same history, "
    "or anything that the signed reports list under does_not_show"
)


@dataclass(frozen=True)
class StepResult:
    """A numbered step: what was checked, the result, and why."""

    number: int
    title: str
    status: Status
    reason: str

    @property
    def passed(self) -> bool:
        return self.status == "passed"


@dataclass(frozen=True)
class Verification:
    """Every step in order, a closing paragraph, and whose keys counted."""

    steps: tuple[StepResult, ...]
    summary: str
    keys: KeySource
    other_keys: bool = False
    """The bundle's signatures are those of keys that it names itself and that are not in the given trust file."""

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)

    @property
    def incomplete(self) -> bool:
        """No step failed, but one could not be checked here. That is no pass."""
        return not self.passed and all(step.status != "failed" for step in self.steps)


class NotEstablishedError(Exception):
    """A step relies on what an earlier step should have established but did not."""


@dataclass(frozen=True)
class Finding(Generic[T]):
    """What a step established. Reading `value` raises NotEstablishedError if the step did not pass."""

    number: int
    values: tuple[T, ...]
    """One value, or none if the step did not pass. (The value itself may be None.)"""

    @property
    def value(self) -> T:
        if not self.values:
            message = f"step {self.number} did not pass"
            raise NotEstablishedError(message)
        return self.values[0]


class Steps:
    """Runs checks one after the other and keeps their results."""

    def __init__(self) -> None:
        self.results: list[StepResult] = []

    def run(self, title: str, check: Callable[[], T], describe: Callable[[T], str] = lambda _value: "") -> Finding[T]:
        """Run `check`; `describe` puts what it established into words for the reader."""
        try:
            value = check()
            self._note(title, "passed", describe(value))
            return Finding(len(self.results), (value,))
        except (NotEstablishedError, NotRecomputableError) as error:
            self._note(title, "not checked", str(error))
        except MemoryError:  # says nothing about the bundle
            self._note(title, "not checked", "it takes more memory than there is here")
        except EvidenceError as error:
            self._note(title, "failed", str(error))
        except RecursionError:
            self._note(title, "failed", "The JSON is nested too deeply.")
        except OSError as error:
            self._note(title, "failed", f"A file cannot be read: {error.strerror}.")
        except Exception as error:  # noqa: BLE001  # whatever the input, the reader gets a named step and no traceback
            self._note(title, "failed", f"The check itself broke on this input ({type(error).__name__}).")
        return Finding(len(self.results), ())

    def _note(self, title: str, status: Status, reason: str) -> None:
        self.results.append(StepResult(len(self.results) + 1, title, status, reason))


def verify_bundle(directory: Path, trust: bytes | None = None, *, request: str | None = None) -> Verification:
    """Verify the bundle in `directory`.

    Args:
        directory: the bundle.
        trust: the content of a trust file that came directly from the operator. Without it the bundle's own trust file is
            used, which shows integrity but not whose keys they are.
        request: the reference of the request that the bundle must be about. Without it any request will do.
    """
    steps = Steps()
    run = steps.run
    # 1. Only what belongs in a bundle: known names, regular files, bounded sizes.
    folder = run(
        _("The folder contains the files of a bundle and nothing else"),
        lambda: BundleFolder.open(directory),
        lambda bundle: f"{len(bundle.names)} files",
    )
    # 2. The keys.
    trust_file = run(
        _("The trust file is well formed"), lambda: log.read_trust(folder.value, trust), lambda keys: f"log {keys.origin}"
    )
    # 3. The log's head.
    head = run(
        _("The checkpoint is signed by the log"),
        lambda: log.read_checkpoint(folder.value, trust_file.value),
        lambda verified: f"{verified.checkpoint.size} entries in the log{verified.extends}",
    )
    # 4. The place of every line under that head.
    record = run(
        _("Every line of the record is in the log under that checkpoint"),
        lambda: log.read_record(folder.value, head.value.checkpoint),
        lambda lines: f"{len(lines)} lines",
    )
    # 5. One request's history, without a gap and with its seal at the end.
    history = run(
        _("The record is one request's complete history up to its seal"),
        lambda: log.read_history(record.value, request),
        lambda sealed: f"request {sealed.request}, {len(sealed.entries)} entries{log.recovered_words(sealed)}",
    )
    # 6. The bundle's keys were published in the record, and the log's key was valid when the latest entry was made.
    run(
        _("The trust file was published in the record, and the log's key was valid"),
        lambda: log.check_published(folder.value, history.value, trust_file.value, head.value),
    )
    # 7. No envelope missing, none added, none changed.
    envelopes = run(
        _("The attestations are exactly those in the record, and none is missing"),
        lambda: attestations.match_envelopes(folder.value, history.value),
        lambda matched: f"attestations: {len(matched)}",
    )
    # 8. Right key, right type, right time.
    bodies = run(
        _("Every attestation is signed by a key that was allowed to sign it at the time"),
        lambda: attestations.check_signatures(envelopes.value, trust_file.value),
    )
    # 9. About this request and about what the record says.
    statements = run(
        _("Every statement is about this request, and about the item and attempt that the record names"),
        lambda: attestations.read_statements(bodies.value, history.value),
        _count_statements,
    )
    # 10. The files that were signed.
    signed_files = run(
        _("The report files are exactly those that were signed, and none is missing"),
        lambda: attestations.check_report_files(folder.value, statements.value),
        lambda bundle: f"{len(bundle.report_files)} files",
    )
    # 11. Entries, statements and the engine's own files tell one story.
    story = run(
        _("Every fact that stands twice agrees: in the record, the signed statements and the engine's files"),
        lambda: findings.check_findings(folder.value, statements.value, history.value),
        lambda _story: f"{len(AGREEMENTS)} pairs of places",
    )
    # 12. Corpora and models were registered.
    run(
        _("The corpora and models that the reports name are registered in the record"),
        lambda: attestations.check_registrations(statements.value, history.value),
    )
    # 13. Protocols came first, and no result was kept back.
    run(
        _("Every protocol was approved before its run, and every completed run was reported"),
        lambda: conduct.check_runs(history.value, statements.value),
    )
    # 14. Different people.
    run(_("Nobody approved or released their own work"), lambda: conduct.check_duties(history.value.bodies))
    # 15. Only what passed was released.
    run(_("Only models whose report passed were released"), lambda: conduct.check_releases(history.value, statements.value))
    # 16. The order of events.
    run(
        _("The entries are in an order in which it can happen"),
        lambda: course.check_course(history.value.bodies),
    )
    # 17. What was measured. Only signed files are parsed: whoever signed them may be trusted, whoever sent them may not.
    run(
        _("The raw outputs are of the examples and models that they should be, and give the stated estimates"),
        lambda: findings.check_outputs(signed_files.value, story.value),
    )

    results = tuple(steps.results)
    keys: KeySource = "bundle" if trust is None else "trust file"
    if all(step.passed for step in results):
        return Verification(results, _success(history.value, head.value, bodies.value, keys), keys)
    # 18. If a signature failed, find out whether that is because the bundle was signed with other keys.
    failed = next((step for step in results if step.status == "failed"), None)
    if failed is None:
        return Verification(results, _incomplete(next(step for step in results if not step.passed)), keys)
    other_keys = (
        trust is not None and failed.number in (head.number, bodies.number) and _other_keys(directory, trust, failed)
    )
    return Verification(results, _failure(failed, other_keys=other_keys), keys, other_keys)


def _count_statements(statements: attestations.Statements) -> str:
    outcomes = [signed.report.verdict.outcome for signed in statements.reports.values()]
    return f"reports: {', '.join(outcomes) or 'none'}; releases: {len(statements.releases) or 'none'}"


def _other_keys(directory: Path, trust: bytes, failed: StepResult) -> bool:
    """Return whether the failed step passes with the bundle's own trust file, which names keys that `trust` lacks."""
    if not verify_bundle(directory).steps[failed.number - 1].passed:
        return False
    named = TrustFile.from_bytes(BundleFolder.open(directory).read(TRUST))
    return not {key.key_id for key in named.keys} <= {key.key_id for key in TrustFile.from_hand(trust).keys}


def _failure(step: StepResult, *, other_keys: bool) -> str:
    reason = " It is signed with keys that are not in the trust file." if other_keys else ""
    return f"This bundle does not verify: step {step.number} failed ({step.title}).{reason}"


def _incomplete(step: StepResult) -> str:
    return f"Not verified: no step failed, but step {step.number} was not checked ({step.title}): {step.reason}."


def _success(
    history: log.History,
    head: log.VerifiedCheckpoint,
    bodies: tuple[attestations.SignedBody, ...],
    keys: KeySource,
) -> str:
    # 1. Who signed what, and when.
    signers = sorted({signer for body in bodies for signer in body.signers})
    times = [body.envelope.place.entry.at for body in bodies]
    signed = (
        f"the bundle contains {len(bodies)} {'attestation' if len(bodies) == 1 else 'attestations'} about request "
        f"{history.request}, signed by {', '.join(signers)} between {times[0]} and {times[-1]}"
        if bodies
        else f"the bundle contains no attestation about request {history.request}"
    )
    # 2. Whose keys these are.
    owner = (
        "The keys are those in the trust file, whatever the bundle itself names"
        if keys == "trust file"
        else "The keys are those that the bundle itself names, so this shows integrity but not who owns them; "
        "get the trust file directly from the operator and pass it with --trust"
    )
    # 3. Up to where, and what remains open.
    return (
        f"Every step passed: {signed}. A checkpoint of {head.checkpoint.size} entries, signed by "
        f"{', '.join(sorted(head.signers))}, covers the record up to {history.entries[-1].entry.at}. {owner}. {LIMITS}."
    )
