"""Replays the erasure ledger: completes it, compares every corpus with it, and says which models know the erased again."""

from __future__ import annotations

from dataclasses import dataclass, field

from compliance.evidence.record import EntryBody
from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from compliance.record.services import SYSTEM, record_append
from requests_app.returns import Return, returns_standing
from unlearning_jobs.ledger_keys import LedgerError
from unlearning_jobs.models import CorpusSnapshot, ErasureEntry, Job, ModelVersion
from unlearning_jobs.origins import is_behavioural
from unlearning_jobs.services.ledger import (
    entries_digest,
    entries_of_release,
    ledger_digest,
    ledger_enter,
    snapshots_compare,
)
from unlearning_jobs.services.ledger_copy import ledger_copy
from unlearning_jobs.services.retraining import model_retrain, model_withdraw
from unlearning_jobs.states import ModelState


@dataclass
class Replay:
    """What a replay found and did."""

    taken_back: int
    """Entries that the database had lost."""
    entered: int = 0
    """Examples that had been erased before there was a ledger."""
    problems: list[str] = field(default_factory=list)
    """Why the answer is not complete, in sentences."""
    snapshots: list[CorpusSnapshot] = field(default_factory=list)
    """Those that hold erased examples, and whose trainings leave them out."""
    returns: list[Return] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    """Trainings that this replay started, by model."""
    withdrawn: list[str] = field(default_factory=list)
    """Models that this replay took out of use, and that nobody can train again."""


def ledger_replay(*, corpus: str, requeue: bool, actor: str) -> Replay:
    """Find what came back of what was erased, in one corpus or, if `corpus` is empty, in all of them; record the replay.

    With `requeue`, a version that knows returned examples is taken out of use, and its model is trained again without them,
    unless nobody declared how it was trained.
    A second replay finds the same and starts nothing twice.

    Raises:
        LedgerError: the ledger or its second copy cannot be used; nothing is known then.
    """
    # 1. Complete the ledger: what a restored database has lost, and what was erased before there was a ledger.
    replay = Replay(taken_back=ledger_copy())
    replay.problems += _changed_batches()
    _older_releases_enter(replay)
    # 2. Compare the corpora with it, whatever was found in them before.
    replay.problems += snapshots_compare(corpus=corpus, afresh=True)
    rows = CorpusSnapshot.objects.filter(erased_examples__isnull=False, **({"corpus__name": corpus} if corpus else {}))
    replay.snapshots = list(rows.select_related("corpus").prefetch_related("erased_examples").distinct())
    # 3. See which models know what came back, and train those again that nothing else is done about.
    replay.returns = [back for back in returns_standing() if corpus in ("", back.version.snapshot.corpus.name)]
    for back in replay.returns:
        if not requeue or back.busy:
            continue
        if is_behavioural(back.version):
            _withdraw(replay, back, actor)
        else:
            replay.jobs[back.version.name] = model_retrain(version=back.version, actor=actor)
    # 4. Record it.
    data = {
        "entries": ErasureEntry.objects.count(),
        "ledger_sha256": ledger_digest(),
        "snapshots": len(replay.snapshots),
        "versions": len(replay.returns),
        "returned": sum(len(back.example_ids) for back in replay.returns),
        "requeued": len(replay.jobs),
    }
    record_append(subject="ledger", kind=RecordKind.LEDGER_REPLAYED, actor=actor, data=data)
    return replay


def _withdraw(replay: Replay, back: Return, actor: str) -> None:
    if back.in_use:
        model_withdraw(version=back.version, actor=actor)
        replay.withdrawn.append(back.version.name)


def _older_releases_enter(replay: Replay) -> None:
    """Enter what released versions unlearned and the ledger lacks. Quarantined versions and parents have been in use."""
    unlearned = ModelVersion.objects.filter(made_by__kind=Job.Kind.UNLEARN).exclude(state=ModelState.CANDIDATE)
    for version in unlearned.select_related("made_by", "snapshot").order_by("pk"):
        if version.state in {ModelState.ACTIVE, ModelState.QUARANTINED} or version.children.exists():
            try:
                replay.entered += ledger_enter(version=version, actor=SYSTEM)
            except LedgerError as error:
                replay.problems.append(f"{version}: {error}")


def _changed_batches() -> list[str]:
    """Compare the ledger with what the record says was entered, by the newest entry about each release."""
    problems = []
    bodies = [EntryBody.from_bytes(bytes(row.body)) for row in RecordEntry.objects.filter(kind=RecordKind.ERASURE_ENTERED)]
    for body in {(body.subject, body.data["item"], body.data["attempt"]): body for body in bodies}.values():
        release = {"subject": body.subject, "item": body.data["item"], "attempt": body.data["attempt"]}
        job = Job.objects.filter(kind=Job.Kind.UNLEARN, **release).select_related("snapshot").first()
        # A restored database may have lost the job, and have its entries back from the second copy.
        entries = entries_of_release(job) if job else ErasureEntry.objects.filter(**release)
        if entries_digest(entries) != body.data["entries_sha256"]:
            problems.append(f"{body.subject}, {body.data['item']}: the ledger does not hold what the record says.")
    return problems
