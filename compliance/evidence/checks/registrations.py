"""The step about what was registered before a run: its corpus, its model, and the checkpoint from which that started.

Each is in the bundle once, states what its version of Lethe stated, was made by somebody who makes such entries, and was in
the log before what was made from it; so is the draw of canaries by which a model was trained. All tables are literal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NoReturn

from compliance.evidence.bundle import ProvenEntry
from compliance.evidence.registered import models_of_items, registered_model
from compliance.evidence.statements import UnlearningReport
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import FIELDS
from compliance.formats.record_kinds import RecordKind as K

from .attestations import Attempt, Statements
from .canaries import COMMITMENT, check_draws
from .forms import OFFICER, SYSTEM, fields_problem, maker_problem, word_problem
from .log import History
from .versions import Additions, Groups
from .words import SLUG

FROM: Final = "checkpoint_sha256"
"""The field that names a checkpoint: of its registration, and of models that started from it."""
SNAPSHOT: Final = "snapshot_sha256"
NAMED: Final[Mapping[str, str]] = {
    K.CORPUS_REGISTERED: "corpus",
    K.CHECKPOINT_REGISTERED: "checkpoint",
    **dict.fromkeys((K.MODEL_REGISTERED, K.CANARIES_DRAWN, K.CANARIES_OPENED), "model"),
}
"""What an entry of a kind is about: its subject is that, a colon, and a name."""
SUBJECTS: Final[Mapping[str, str]] = {K.KEYS_PUBLISHED: "keys:published", K.LOG_RECOVERED: "log:head"}
"""The one subject of other kinds."""
ADDED: Final[Groups] = (
    (1, {K.MODEL_REGISTERED: ("left_out", "ledger_sha256")}),
    (3, {K.MODEL_REGISTERED: ("assurance", FROM, COMMITMENT)}),
)
"""Fields that these kinds have stated since, by the version of results of that time; what came together stands together."""
MADE_ELSEWHERE_BY: Final[Mapping[str, frozenset[str]]] = {
    # The commands of an operator are the system.
    **dict.fromkeys(
        (
            *(K.CORPUS_REGISTERED, K.CHECKPOINT_REGISTERED, K.RECIPE_REGISTERED, K.LEDGER_REPLAYED),
            *(K.CANARIES_DRAWN, K.CANARIES_OPENED, K.COPY_REGISTERED, K.COPY_RETIRED),
            *(K.MODEL_ACTIVE, K.MODEL_QUARANTINED, K.MODEL_DESTROYING, K.ACCOUNT_CREATED, K.ACCOUNT_EMAIL_SET),
        ),
        frozenset({OFFICER, SYSTEM}),
    ),
    **dict.fromkeys(
        (
            *(K.MODEL_REGISTERED, K.MODEL_DESTROYED, K.CORPUS_COMPARED, K.LEDGER_RESTORED, K.DATA_REENCRYPTED),
            *(K.KEYS_PUBLISHED, K.KEYS_ROTATED, K.LOG_RECOVERED, K.STORE_REGISTERED, K.STORE_RETIRED),
        ),
        frozenset({SYSTEM}),
    ),
}
"""The kinds of entries about other things than requests, and who may have made one: an account or the system."""


def check_registrations(statements: Statements, history: History) -> None:
    """Check that what the runs used is registered in the record, before it was used, and that nothing else came along.

    Raises:
        VerificationError: something is missing, came too late, is more than was used, or has another form.
    """
    bases = _bases(statements, history)
    _check_complete(statements, history, bases)
    _check_forms(history)
    for attempt, signed in statements.reports.items():
        _check_before(_used(signed.report, bases[attempt], history), history, attempt)
    for base in bases.values():
        _check_order(base, history)


def _bases(statements: Statements, history: History) -> dict[Attempt, ProvenEntry]:
    """Return the entry that registered the model that each run started from."""
    names, bases = models_of_items(history.bodies), {}
    bodies = [proven.entry for proven in history.others]
    for attempt, signed in statements.reports.items():
        found = registered_model(bodies, signed.report.base_model_sha256, names.get(attempt[0], ""))
        if found is None:
            _refuse_models()
        bases[attempt] = history.others[bodies.index(found)]
    return bases


def _check_complete(statements: Statements, history: History, bases: Mapping[Attempt, ProvenEntry]) -> None:
    """Check that the bundle has one registration of everything that was used, and of nothing else."""
    reports = [signed.report for signed in statements.reports.values()]
    started = [base.entry for base in bases.values()]
    registered = history.others_of_kind(K.CORPUS_REGISTERED)
    corpora = [(entry.data[SNAPSHOT], entry.data["manifest_root"]) for entry in registered]
    models = history.others_of_kind(K.MODEL_REGISTERED)
    checkpoints = [entry.data[FROM] for entry in history.others_of_kind(K.CHECKPOINT_REGISTERED)]
    if sorted(corpora) != sorted({(report.snapshot_sha256, report.manifest_root) for report in reports}):
        message = f"The record must contain one {K.CORPUS_REGISTERED} entry for each snapshot that a report names."
        raise VerificationError(message)
    if len(models) != len({base.index for base in bases.values()}):
        _refuse_models()
    if sorted(checkpoints) != sorted({str(entry.data[FROM]) for entry in started if entry.data.get(FROM)}):
        message = (
            f"The record must contain one {K.CHECKPOINT_REGISTERED} entry for each checkpoint that a model started from."
        )
        raise VerificationError(message)
    draws = check_draws(history, bases.values())
    # One more: the published keys.
    known = len(corpora) + len(models) + len(checkpoints) + draws + len(history.recoveries) + 1
    if len(history.others) != known:
        message = "The bundle's record contains an entry about another subject that nothing in this bundle refers to."
        raise VerificationError(message)


def _refuse_models() -> NoReturn:
    message = f"The record must contain one {K.MODEL_REGISTERED} entry for each model that a run started from."
    raise VerificationError(message)


def _check_forms(history: History) -> None:
    """Check the fields, the words, the subject and the maker of every entry about another subject than the request.

    An entry may lack what was added later, as long as no entry before it in the log shows that it had been.
    """
    additions, others = Additions(ADDED), {proven.index for proven in history.others}
    for proven in sorted((*history.entries, *history.others), key=lambda one: one.index):
        entry, unknown = proven.entry, additions.unknown_to(proven.entry)
        if proven.index not in others:
            continue
        fields = [field for field in FIELDS[K(entry.kind)] if field not in unknown]
        problem = fields_problem(entry, fields) or maker_problem(entry, MADE_ELSEWHERE_BY[entry.kind]) or word_problem(entry)
        if problem or (problem := _subject_problem(entry.kind, entry.subject)):
            message = f"Record entry {proven.index} ({entry.kind}): {problem}."
            raise VerificationError(message)


def _subject_problem(kind: str, subject: str) -> str:
    what, _, name = subject.partition(":")
    if kind in NAMED and (what != NAMED[kind] or not SLUG.fullmatch(name)):
        return f"its subject is {subject}, and such an entry is about a {NAMED[kind]}"
    if kind in SUBJECTS and subject != SUBJECTS[kind]:
        return f"its subject is {subject}, and such an entry is about {SUBJECTS[kind]}"
    return ""


def _used(report: UnlearningReport, base: ProvenEntry, history: History) -> list[ProvenEntry]:
    """Return the registrations of what a run used: its corpus, its model, and the checkpoint from which that started."""
    return [base, *_of(history, K.CORPUS_REGISTERED, SNAPSHOT, {report.snapshot_sha256}), *_started_from(base, history)]


def _started_from(base: ProvenEntry, history: History) -> Iterator[ProvenEntry]:
    return _of(history, K.CHECKPOINT_REGISTERED, FROM, {base.entry.data.get(FROM)})


def _of(history: History, kind: K, field: str, digests: Collection[object]) -> Iterator[ProvenEntry]:
    return (one for one in history.others if one.entry.kind == kind and one.entry.data[field] in digests)


def _check_before(used: Collection[ProvenEntry], history: History, attempt: Attempt) -> None:
    """Check that what a run used was registered before its job was created."""
    for job in history.of_kind(K.JOB_CREATED):
        for late in _later(used, job) if job.entry.attempt == attempt else ():
            about = f"Item {attempt[0]}, attempt {attempt[1]}"
            message = f"{about}: {late.entry.subject} was registered after its job was created."
            raise VerificationError(message)


def _check_order(base: ProvenEntry, history: History) -> None:
    """Check that a model was registered after the corpus that it learned and the checkpoint from which it started."""
    learned = _of(history, K.CORPUS_REGISTERED, SNAPSHOT, {base.entry.data.get(SNAPSHOT)})
    for late in _later([*learned, *_started_from(base, history)], base):
        message = f"{late.entry.subject} was registered after {base.entry.subject}, which was made from it."
        raise VerificationError(message)


def _later(made: Collection[ProvenEntry], use: ProvenEntry) -> Iterator[ProvenEntry]:
    """Yield what stands in the log behind its use, or has a later time."""
    return (one for one in made if one.index > use.index or one.entry.moment > use.entry.moment)
