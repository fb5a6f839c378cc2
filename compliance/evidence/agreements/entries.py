"""Facts that follow from several entries of the record."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.evidence.record import mappers
from compliance.formats.record_kinds import EARLIER_KINDS
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.verdicts import METHOD_GUARANTEES

from .contents import not_retained
from .facts import Fact, Statement, words
from .reasons import judged_by
from .story import Story

ENDS = (K.JOB_COMPLETED, K.JOB_FAILED, K.JOB_CANCELLED)


def _ends(story: Story) -> Iterator[Statement]:
    """How each attempt's job ended, in the words of `item.evaluated`."""
    for entry in story.of_kind(*ENDS):
        yield words(entry.attempt), entry.data.get("verdict", entry.kind.removeprefix("job."))


def _run_outcomes(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.JOB_RUN_ENDED, *(old for old, new in EARLIER_KINDS.items() if new == K.JOB_RUN_ENDED)):
        if {"job", "run", "outcome"} <= entry.data.keys():
            yield f"Job {entry.data['job']}, run {entry.data['run']}", entry.data["outcome"]


def _last_runs(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(*ENDS):
        if {"job", "run"} <= entry.data.keys():
            yield f"Job {entry.data['job']}, run {entry.data['run']}", entry.kind.removeprefix("job.")


def both_completed_or_neither(outcome: str, end: str) -> bool:
    """Return whether a run and its job fit. A job may fail or be cancelled after a run was lost, killed or failed."""
    return (outcome == "completed") == (end == "completed")


def _people_before_approval(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.PROPOSAL_APPROVED):
        yield words(entry.attempt), list(mappers(story.entries, entry.number))


def _signed(short_name: str, field: str) -> Fact:
    def read(story: Story) -> Iterator[Statement]:
        for entry in story.of_kind(K.ATTESTATION_SIGNED):
            if entry.data["predicate_type"].endswith(f"/{short_name}/v1"):
                yield words(entry.attempt), entry.number if field == "number" else entry.data[field]

    return Fact(f"{K.ATTESTATION_SIGNED} {field} of the {short_name}", read, (f"{K.ATTESTATION_SIGNED} {field}",))


def _release_numbers(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.ITEM_RELEASED):
        yield words(entry.attempt), entry.number


def _of_corpus(field: str) -> Fact:
    """Return a field of the entry that registered the corpus of each report."""

    def read(story: Story) -> Iterator[Statement]:
        for attempt, told in story.reports.items():
            for entry in story.others:
                same = entry.data.get("snapshot_sha256") == told.report.snapshot_sha256
                if same and entry.kind == K.CORPUS_REGISTERED and field in entry.data:
                    yield words(attempt), entry.data[field]

    return Fact(f"{K.CORPUS_REGISTERED} {field}", read, (f"{K.CORPUS_REGISTERED} {field}",))


def _of_base(field: str) -> Fact:
    """Return a field of the entry that registered the model that each run started from."""

    def read(story: Story) -> Iterator[Statement]:
        for attempt in story.reports:
            entry = story.base_of(attempt)
            if entry is not None and field in entry.data:
                yield words(attempt), entry.data[field]

    return Fact(f"{K.MODEL_REGISTERED} {field}", read, (f"{K.MODEL_REGISTERED} {field}",))


def _expected_training_examples(story: Story) -> Iterator[Statement]:
    for about, counts in CORPUS_COUNTS.read(story):
        for attempt, told in story.reports.items():
            gone = not_retained(told)
            if words(attempt) == about and gone is not None and isinstance(counts, dict) and "train" in counts:
                yield about, counts["train"] - len(gone)


def _proposed_methods(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED):
        if "method" in entry.data:
            yield f"Entry {entry.number}", entry.data["method"]


def _known_methods(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED):
        yield f"Entry {entry.number}", sorted(METHOD_GUARANTEES)


def _protocol_problems(story: Story) -> Iterator[Statement]:
    """Why nobody may approve the protocol for a method of this guarantee, this corpus and this production model."""
    counts = dict(CORPUS_COUNTS.read(story))
    for attempt, told in story.reports.items():
        if told.findings is not None and told.specification is not None:
            of_corpus = counts.get(words(attempt))
            yield (
                words(attempt),
                told.protocol.problems(
                    judged_by(told),
                    held_out=not isinstance(of_corpus, dict) or of_corpus.get("held_out", 0) > 0,
                    seed=told.specification.seed,
                    shares=not told.first_version,
                ),
            )


def _started_versions(story: Story) -> Iterator[Statement]:
    """The version of the result that the last worker writes; workers that did not say it wrote results that do not."""
    yield from {words(one.attempt): one.data.get("result_version", 1) for one in story.of_kind(K.JOB_STARTED)}.items()


JOB_END = Fact("how the job ended", _ends, (*(f"{kind} item" for kind in ENDS), f"{K.JOB_COMPLETED} verdict"))
RUN_OUTCOME = Fact(
    f"{K.JOB_RUN_ENDED} outcome", _run_outcomes, tuple(f"{K.JOB_RUN_ENDED} {name}" for name in ("job", "run", "outcome"))
)
LAST_RUN = Fact("how the job ended after its last run", _last_runs, tuple(f"{kind} run" for kind in ENDS))
MAPPED_BY = Fact(f"actors of {K.MATCH_ACCEPTED} and {K.MATCHES_DECIDED}", _people_before_approval, ("entry actor",))
SIGNED_REPORT = _signed("unlearning-report", "envelope_sha256")
RELEASE_SIGNED = _signed("release", "number")
RELEASED_NUMBER = Fact(f"{K.ITEM_RELEASED} number", _release_numbers, ("entry number",))
BASE_SNAPSHOT = _of_base("snapshot_sha256")
SNAPSHOT_ROOT = _of_corpus("manifest_root")
CORPUS_COUNTS = _of_corpus("counts")
BASE_LEFT_OUT = _of_base("left_out")
EXPECTED_TRAINING = Fact(
    f"{K.CORPUS_REGISTERED} counts less the examples to forget", _expected_training_examples, CORPUS_COUNTS.places
)
PROPOSED_METHODS = Fact(
    "method of a proposal", _proposed_methods, (f"{K.PROPOSAL_SUBMITTED} method", f"{K.PROPOSAL_APPROVED} method")
)
KNOWN_METHODS = Fact("the methods that have a guarantee", _known_methods, ())
STARTED_VERSIONS = Fact(f"{K.JOB_STARTED} result_version", _started_versions, (f"{K.JOB_STARTED} result_version",))
PROTOCOL_PROBLEMS = Fact(
    "what is wrong with report protocol",
    _protocol_problems,
    ("report protocol", "spec.json seed", *CORPUS_COUNTS.places),
)
