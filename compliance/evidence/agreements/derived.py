"""Facts that no single field states: they follow from several entries, or from lists in the engine's files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compliance.evidence.record import EntryBody, mappers
from compliance.evidence.statements import forget_set_digest
from compliance.formats.canonical import digest_of, parse_time
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K

from .facts import REQUEST, Fact, Statement, at, of_report, words
from .story import Story, ToldReport

Example = tuple[str, str]
"""The beginning of a snapshot's digest, and the id of an example in it."""
OUTPUTS_FOLDER, MODEL_FOLDER = "outputs/", "model/"
MATCHES = (f"{K.MATCH_ACCEPTED} examples", f"{K.MATCH_REJECTED} examples")
ENDS = (K.JOB_COMPLETED, K.JOB_FAILED, K.JOB_CANCELLED)


# The matches that officers decided


def decisions(entries: Iterable[EntryBody]) -> dict[Example, bool]:
    """Return whether each match is accepted after these entries: the last decision about it counts."""
    decided: dict[Example, bool] = {}
    for entry in entries:
        if entry.kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED):
            for example in entry.data.get("examples", ()):
                identifier = example.get("example_id", example.get("record_id"))
                decided[example["snapshot"], identifier] = entry.kind == K.MATCH_ACCEPTED
    return decided


def _counted(kind: bool) -> Fact:  # noqa: FBT001  # accepted or rejected
    def read(story: Story) -> Iterator[Statement]:
        for place, entry in enumerate(story.entries):
            decided = decisions(story.entries[:place])
            if entry.kind == K.MATCHES_DECIDED and decided:
                yield f"Entry {entry.number}", sum(accepted == kind for accepted in decided.values())

    name = "accepted" if kind else "rejected"
    return Fact(f"match.{name} examples, counted", read, MATCHES)


def _review(field: str) -> Fact:
    def read(story: Story) -> Iterator[Statement]:
        for entry in story.of_kind(K.MATCHES_DECIDED):
            if field in entry.data:
                yield f"Entry {entry.number}", entry.data[field]

    return Fact(f"{K.MATCHES_DECIDED} {field}", read, (f"{K.MATCHES_DECIDED} {field}",))


def _reviewed_matches(story: Story) -> Iterator[Statement]:
    reviews = story.of_kind(K.MATCHES_DECIDED)
    if reviews and {"accepted", "rejected"} <= reviews[-1].data.keys():
        yield REQUEST, reviews[-1].data["accepted"] + reviews[-1].data["rejected"]


def _matched_snapshots(story: Story) -> Iterator[Statement]:
    if decided := decisions(story.entries):
        yield REQUEST, sorted({snapshot for snapshot, _ in decided})


def _items(story: Story) -> Iterator[Statement]:
    reviews = [entry.data["items"] for entry in story.of_kind(K.MATCHES_DECIDED) if "items" in entry.data]
    if reviews and all(isinstance(items, list) for items in reviews):
        yield REQUEST, sorted({item for items in reviews for item in items})


def _item_count(story: Story) -> Iterator[Statement]:
    for about, items in _items(story):
        yield about, len(items)


def _accepted_before_approval(story: Story) -> Iterator[Statement]:
    """The accepted examples of the snapshot that an attempt is about, when it was approved."""
    for attempt, told in story.reports.items():
        approvals = [entry for entry in story.of_kind(K.PROPOSAL_APPROVED) if entry.attempt == attempt]
        before = approvals[0].number if approvals else len(story.entries)
        decided = decisions(entry for entry in story.entries if entry.number < before)
        if decided:
            yield (
                words(attempt),
                sorted(
                    identifier
                    for (snapshot, identifier), accepted in decided.items()
                    if accepted and told.report.snapshot_sha256.startswith(snapshot)
                ),
            )


ACCEPTED, REJECTED = _counted(kind=True), _counted(kind=False)
REVIEW_ACCEPTED, REVIEW_REJECTED = _review("accepted"), _review("rejected")
REVIEWED_MATCHES = Fact(
    f"{K.MATCHES_DECIDED} accepted and rejected",
    _reviewed_matches,
    (f"{K.MATCHES_DECIDED} accepted", f"{K.MATCHES_DECIDED} rejected"),
)
MATCHED_SNAPSHOTS = Fact("snapshots of the matches", _matched_snapshots, MATCHES)
ITEMS = Fact(f"{K.MATCHES_DECIDED} items", _items, (f"{K.MATCHES_DECIDED} items",))
ITEM_COUNT = Fact(f"{K.MATCHES_DECIDED} items, counted", _item_count, (f"{K.MATCHES_DECIDED} items",))
ACCEPTED_EXAMPLES = Fact(f"{K.MATCH_ACCEPTED} examples", _accepted_before_approval, MATCHES)


def begins_one_of(first: list[str], second: list[str]) -> bool:
    """Return whether each of the first texts is the beginning of one of the second."""
    return all(any(whole.startswith(beginning) for whole in second) for beginning in first)


# What was to be forgotten


def forget_ids(told: ToldReport) -> list[str] | None:
    if told.spec is None:
        return None
    ids = at(told.spec, "forget_ids")
    if not isinstance(ids, list) or not all(isinstance(example_id, str) for example_id in ids):
        message = "spec.json has no list of example ids to forget."
        raise VerificationError(message)
    return sorted(ids)


def not_retained(told: ToldReport) -> list[str] | None:
    """Return the examples that the unlearned model must not know: excluded, forgotten earlier, forgotten now."""
    now = forget_ids(told)
    if now is None:
        return None
    before = [example_id for step in told.spec.get("earlier", ()) for example_id in step["forget_ids"]]
    return sorted({*told.spec.get("exclude_ids", ()), *before, *now})


def accepted_are_forgotten(accepted: list[str], forgotten: dict[str, list[str]]) -> bool:
    """Return whether exactly the accepted examples are forgotten, now or by an earlier unlearning."""
    now, ever = set(forgotten["now"]), set(forgotten["ever"])
    return now <= set(accepted) <= now | ever


def _forgotten(told: ToldReport) -> dict[str, list[str]] | None:
    now, ever = forget_ids(told), not_retained(told)
    return None if now is None or ever is None else {"now": now, "ever": ever}


def _from_ids(make: Any) -> Any:
    def value(told: ToldReport) -> Any:
        ids = forget_ids(told)
        return None if ids is None else make(ids)

    return value


FORGET_IDS = of_report("spec.json forget_ids", forget_ids, "spec.json forget_ids")
FORGET_COUNT = of_report("spec.json forget_ids, counted", _from_ids(len), "spec.json forget_ids")
FORGET_DIGEST = of_report("spec.json forget_ids, digested", _from_ids(forget_set_digest), "spec.json forget_ids")
FORGOTTEN = of_report(
    "spec.json forget_ids and earlier", _forgotten, "spec.json forget_ids", "spec.json earlier", "spec.json exclude_ids"
)
NOT_RETAINED = of_report("spec.json forget_ids, earlier and exclude_ids", not_retained, *FORGOTTEN.places)


# What the engine's files say


def _digest_at(path: str) -> Any:
    return lambda told: None if told.spec is None else digest_of(at(told.spec, path) if path else told.spec)


def _listed(told: ToldReport, folder: str) -> dict[str, str] | None:
    if told.result is None:
        return None
    files = at(told.result, "files")
    if not isinstance(files, dict):
        return {}
    return {name: digest for name, digest in files.items() if name.startswith(folder)}


def _model_of_files(told: ToldReport) -> str | None:
    files = _listed(told, MODEL_FOLDER)
    return digest_of({name.removeprefix(MODEL_FOLDER): digest for name, digest in files.items()}) if files else None


def _signed_outputs(told: ToldReport) -> dict[str, str]:
    return {name: digest for name, digest in told.files.items() if name.startswith(OUTPUTS_FOLDER)}


def _judged(told: ToldReport) -> list[Any] | None:
    findings = None if told.result is None else at(told.result, "evaluation").get("estimands")
    return None if findings is None else [finding["estimand"] for finding in findings]


def _tested_examples(told: ToldReport) -> list[str] | None:
    examples = None if told.result is None else at(told.result, "evaluation").get("examples")
    return None if not examples else sorted(examples.get("example_ids", examples.get("record_ids")))


def _drawn_examples(told: ToldReport) -> list[str] | None:
    trajectory = None if told.result is None else told.result.get("trajectory")
    return [one.get("example_id", one.get("record_id")) for one in trajectory["examples"]] if trajectory else None


def _moment_of(field: str) -> Fact:
    return of_report(f"report {field}", lambda told: parse_time(getattr(told.report, field)), f"report {field}")


SPEC_DIGEST = of_report("spec.json, digested", _digest_at(""), "spec.json")
RECIPE_DIGEST = of_report("spec.json recipe, digested", _digest_at("recipe"), "spec.json recipe")
REFERENCE = of_report(
    "report request and item",
    lambda told: f"request:{told.report.request}#{told.report.item}",
    "report request",
    "report item",
)
RESULT_FILE = of_report("report subject result.json", lambda told: told.files.get("result.json"), "report subjects")
SIGNED_OUTPUTS = of_report("report subjects in outputs", _signed_outputs, "report subjects")
LISTED_OUTPUTS = of_report("result.json files in outputs", lambda told: _listed(told, OUTPUTS_FOLDER), "result.json files")
MODEL_OF_FILES = of_report("result.json files in model, digested", _model_of_files, "result.json files")
JUDGED = of_report("result.json evaluation.estimands", _judged, "result.json evaluation.estimands.estimand")
TESTED = of_report("result.json evaluation.examples", _tested_examples, "result.json evaluation.examples.example_ids")
DRAWN = of_report("result.json trajectory.examples", _drawn_examples, "result.json trajectory.examples.example_id")
STARTED_AT, FINISHED_AT = _moment_of("started_at"), _moment_of("finished_at")


# What entries say together


def _ends(story: Story) -> Iterator[Statement]:
    """How each attempt's job ended, in the words of `item.evaluated`."""
    for entry in story.of_kind(*ENDS):
        yield words(entry.attempt), entry.data.get("verdict", entry.kind.removeprefix("job."))


def _run_outcomes(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.JOB_RUN_ENDED):
        if {"job", "run", "outcome"} <= entry.data.keys():
            yield f"Job {entry.data['job']}, run {entry.data['run']}", entry.data["outcome"]


def _last_runs(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(*ENDS):
        if {"job", "run"} <= entry.data.keys():
            yield f"Job {entry.data['job']}, run {entry.data['run']}", entry.kind.removeprefix("job.")


def both_completed_or_neither(outcome: str, end: str) -> bool:
    """Return whether a run and its job fit. A job may fail or be cancelled after a run was lost, killed or failed."""
    return (outcome == "completed") == (end == "completed")


def _guarantees(story: Story) -> Iterator[Statement]:
    for told in story.reports.values():
        yield f"Method {told.report.method.name}", told.report.method.guarantee


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


def _registered(kind: str, digest: str, own: str, field: str) -> Fact:
    """Return a field of the entry that registered what a report names by a digest."""

    def read(story: Story) -> Iterator[Statement]:
        for attempt, told in story.reports.items():
            for entry in story.others:
                if entry.kind == kind and entry.data.get(digest) == getattr(told.report, own) and field in entry.data:
                    yield words(attempt), entry.data[field]

    return Fact(f"{kind} {field}", read, (f"{kind} {field}",))


def _expected_training_examples(story: Story) -> Iterator[Statement]:
    for about, counts in CORPUS_COUNTS.read(story):
        for attempt, told in story.reports.items():
            gone = not_retained(told)
            if words(attempt) == about and gone is not None and isinstance(counts, dict) and "train" in counts:
                yield about, counts["train"] - len(gone)


JOB_END = Fact("how the job ended", _ends, (*(f"{kind} item" for kind in ENDS), f"{K.JOB_COMPLETED} verdict"))
RUN_OUTCOME = Fact(
    f"{K.JOB_RUN_ENDED} outcome", _run_outcomes, tuple(f"{K.JOB_RUN_ENDED} {name}" for name in ("job", "run", "outcome"))
)
LAST_RUN = Fact("how the job ended after its last run", _last_runs, tuple(f"{kind} run" for kind in ENDS))
GUARANTEE = Fact("report method.guarantee", _guarantees, ("report method.guarantee",))
MAPPED_BY = Fact(f"actors of {K.MATCH_ACCEPTED} and {K.MATCHES_DECIDED}", _people_before_approval, ("entry actor",))
SIGNED_REPORT = _signed("unlearning-report", "envelope_sha256")
RELEASE_SIGNED = _signed("release", "number")
RELEASED_NUMBER = Fact(f"{K.ITEM_RELEASED} number", _release_numbers, ("entry number",))
BASE_SNAPSHOT = _registered(K.MODEL_REGISTERED, "model_sha256", "base_model_sha256", "snapshot_sha256")
SNAPSHOT_ROOT = _registered(K.CORPUS_REGISTERED, "snapshot_sha256", "snapshot_sha256", "manifest_root")
CORPUS_COUNTS = _registered(K.CORPUS_REGISTERED, "snapshot_sha256", "snapshot_sha256", "counts")
EXPECTED_TRAINING = Fact(
    f"{K.CORPUS_REGISTERED} counts less the examples to forget", _expected_training_examples, CORPUS_COUNTS.places
)
