"""Verifies a bundle in numbered steps. Needs only the folder: no network, no database, no Django.

A step that fails says why. Steps that rely on what a failed step should have established are reported as not checked, and so
is the step about the raw outputs where pyarrow is missing, and any for which there is too little memory. A bundle is
verified only if every step passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compliance.formats.translation import gettext_noop as _

from .agreements import AGREEMENTS
from .bundle import TRUST, BundleFolder
from .checks import attestations, conduct, course, findings, log, registrations
from .steps import Finding, StepResult, Steps
from .trust import TrustFile

KeySource = Literal["bundle", "trust file"]
"""Where the keys that counted came from: the bundle's own trust file, or one that came by another route."""

LIMITS = (
    "A pass does not prove that the measurements were honest, that the log shows everybody the same history, "
    "or anything that the signed reports list under does_not_show"
)


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


def verify_bundle(directory: Path, trust: bytes | None = None, *, request: str | None = None) -> Verification:
    """Verify the bundle in `directory`.

    Args:
        directory: the bundle.
        trust: the content of a trust file that came directly from the operator. Without it the bundle's own trust file is
            used, which shows integrity but not whose keys they are.
        request: the reference of the request that the bundle must be about. Without it any request will do.
    """
    steps = Steps()
    logged = _log_steps(steps, directory, trust, request)
    signed = _attestation_steps(steps, logged)
    _story_steps(steps, logged, signed)
    results = tuple(steps.results)
    keys: KeySource = "bundle" if trust is None else "trust file"
    if all(step.passed for step in results):
        return Verification(results, _success(logged.history.value, logged.head.value, signed.bodies.value, keys), keys)
    # 18. If a signature failed, find out whether that is because the bundle was signed with other keys.
    failed = next((step for step in results if step.status == "failed"), None)
    if failed is None:
        return Verification(results, _incomplete(next(step for step in results if not step.passed)), keys)
    by_signature = failed.number in (logged.head.number, signed.bodies.number)
    other_keys = trust is not None and by_signature and _other_keys(directory, trust, failed)
    return Verification(results, _failure(failed, other_keys=other_keys), keys, other_keys)


@dataclass(frozen=True)
class LogFindings:
    """What the steps about the log established."""

    folder: Finding[BundleFolder]
    trust_file: Finding[TrustFile]
    head: Finding[log.VerifiedCheckpoint]
    history: Finding[log.History]


@dataclass(frozen=True)
class AttestationFindings:
    """What the steps about attestations established."""

    bodies: Finding[tuple[attestations.SignedBody, ...]]
    statements: Finding[attestations.Statements]
    signed_files: Finding[BundleFolder]


def _log_steps(steps: Steps, directory: Path, trust: bytes | None, request: str | None) -> LogFindings:
    """Steps 1 to 6: the folder, the keys, and one request's history under the log's head."""
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
    return LogFindings(folder, trust_file, head, history)


def _attestation_steps(steps: Steps, logged: LogFindings) -> AttestationFindings:
    """Steps 7 to 10: what was signed, by whom, and about which files."""
    run = steps.run
    # 7. No envelope missing, none added, none changed.
    envelopes = run(
        _("The attestations are exactly those in the record, and none is missing"),
        lambda: attestations.match_envelopes(logged.folder.value, logged.history.value),
        lambda matched: f"attestations: {len(matched)}",
    )
    # 8. Right key, right type, right time.
    bodies = run(
        _("Every attestation is signed by a key that was allowed to sign it at the time"),
        lambda: attestations.check_signatures(envelopes.value, logged.trust_file.value),
    )
    # 9. About this request and about what the record says.
    statements = run(
        _("Every statement is about this request, and about the item and attempt that the record names"),
        lambda: attestations.read_statements(bodies.value, logged.history.value),
        _count_statements,
    )
    # 10. The files that were signed.
    signed_files = run(
        _("The report files are exactly those that were signed, and none is missing"),
        lambda: attestations.check_report_files(logged.folder.value, statements.value),
        lambda bundle: f"{len(bundle.report_files)} files",
    )
    return AttestationFindings(bodies, statements, signed_files)


def _story_steps(steps: Steps, logged: LogFindings, signed: AttestationFindings) -> None:
    """Steps 11 to 17: whether all of it can be so."""
    run = steps.run
    # 11. Entries, statements and the engine's own files tell one story.
    story = run(
        _("Every fact that stands twice agrees: in the record, the signed statements and the engine's files"),
        lambda: findings.check_findings(logged.folder.value, signed.statements.value, logged.history.value),
        lambda _story: f"{len(AGREEMENTS)} pairs of places",
    )
    # 12. Corpora and models were registered.
    run(
        _("The corpora and models that the reports name are registered in the record"),
        lambda: registrations.check_registrations(signed.statements.value, logged.history.value),
    )
    # 13. Protocols came first, and no result was kept back.
    run(
        _("Every protocol was approved before its run, and every completed run was reported"),
        lambda: conduct.check_runs(logged.history.value, signed.statements.value),
    )
    # 14. Different people.
    run(_("Nobody approved or released their own work"), lambda: conduct.check_duties(logged.history.value.bodies))
    # 15. Only what passed was released.
    run(
        _("Only models whose report passed were released"),
        lambda: conduct.check_releases(logged.history.value, signed.statements.value),
    )
    # 16. The order of events.
    run(
        _("The entries are in an order in which it can happen"),
        lambda: course.check_course(logged.history.value.bodies),
    )
    # 17. What was measured. Only signed files are parsed: whoever signed them may be trusted, whoever sent them may not.
    run(
        _("The raw outputs are of the examples and models that they should be, and give the stated estimates"),
        lambda: findings.check_outputs(signed.signed_files.value, story.value),
    )


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
