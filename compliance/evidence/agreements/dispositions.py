"""Facts about what became of every accepted example, as the entries say that close a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.formats.dispositions import Disposition
from compliance.formats.record_kinds import RecordKind as K

from .facts import REQUEST, Fact, Statement, words
from .items import examples_of_item
from .matches import BEGINNING, Example, decisions
from .story import Story, ToldReport

UNANSWERED = ("withdrawn", "unconfirmed")
"""Outcomes of requests that nobody answered."""
UNTOUCHED = frozenset({Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED, Disposition.COPY_RELEASED})
"""Dispositions of examples that stayed out of what was unlearned, and were no officer's to decide about."""
LEFT_ALONE = (Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED)
"""Dispositions of examples that no model in use knew at the end: they enter the erasure ledger without a release."""
LAPSES = (Disposition.NO_INFLUENCE, *LEFT_ALONE)
"""Dispositions with which a request is closed in which nothing was released or refused: the first that is so of one."""
PLACES = (f"{K.MATCH_ACCOUNTED} examples",)


def closing(story: Story) -> Iterator[EntryBody]:
    return (entry for entry in story.of_kind(K.REQUEST_CLOSED) if "accepted" in entry.data)


def accounted(story: Story) -> list[Mapping[str, Any]]:
    return [one for entry in story.of_kind(K.MATCH_ACCOUNTED) for one in entry.data["examples"]]


def _pairs(examples: Iterable[Example]) -> list[list[str]]:
    return sorted(map(list, examples))


def _with(story: Story, *ways: str) -> set[Example]:
    """Return the examples of which the end says that they became one of `ways` or several, and nothing else."""
    told = [one for one in accounted(story) if one["became"] and set(one["became"]) <= set(ways)]
    return {(one["snapshot"], one["example_id"]) for one in told}


def _counted(story: Story) -> Iterator[Statement]:
    for entry in closing(story):
        yield REQUEST, entry.data["accepted"]


def _number(story: Story) -> Iterator[Statement]:
    yield REQUEST, len(accounted(story))


def _closed_examples(story: Story) -> Iterator[Statement]:
    for _ in closing(story):
        yield REQUEST, sorted([one["snapshot"], one["example_id"]] for one in accounted(story))


def _accepted_before(story: Story) -> Iterator[Statement]:
    for entry in closing(story):
        answered = entry.data.get("outcome") not in UNANSWERED
        decided = decisions(one for one in story.entries if one.number < entry.number)
        yield REQUEST, _pairs(match for match, accepted in decided.items() if accepted and answered)


def _called_released(story: Story) -> Iterator[Statement]:
    for _ in closing(story):
        told = [one for one in accounted(story) if Disposition.RELEASED in one["became"]]
        yield REQUEST, sorted([one["snapshot"], one["example_id"]] for one in told)


def _forgotten(story: Story) -> Iterator[Statement]:
    """The examples accepted at the end that a released attempt forgot."""
    for _ in closing(story):
        if (gone := forgotten(story)) is not None:
            yield REQUEST, _pairs(one for one in _named(story) if one in gone)


def forgotten(story: Story) -> set[Example] | None:
    """Return the examples that released attempts forgot. None, where a specification is not at hand."""
    released = [story.reports.get(one.attempt) for one in story.of_kind(K.ITEM_RELEASED)]
    specifications = [told.specification for told in released if told is not None]
    if len(specifications) != len(released) or None in specifications:
        return None
    return {(spec.snapshot.digest[:BEGINNING], one) for spec in specifications if spec for one in spec.forget_ids}


def _named(story: Story) -> list[Example]:
    return [(one["snapshot"], one["example_id"]) for one in accounted(story)]


def _untouched(story: Story) -> Iterator[Statement]:
    """Of each released attempt, the examples of its item that it is said not to have concerned.

    The examples of other items of the model end as these do: by the end, another request may have erased them, or the model
    may be out of use.
    """
    for _ in closing(story):
        for attempt, told, approved in _released(story):
            digest = told.report.snapshot_sha256
            own = examples_of_item(story, attempt[0], approved, digest)
            left = {one for snapshot, one in _with(story, *UNTOUCHED) if digest.startswith(snapshot)}
            yield words(attempt), sorted(left & own)


def _not_learned(story: Story) -> Iterator[Statement]:
    """What the model of each released attempt knew nothing of, by its specification."""
    for attempt, told, _ in _released(story):
        if (spec := told.specification) is not None:
            earlier = (one for step in spec.earlier for one in step.forget_ids)
            yield words(attempt), sorted({*spec.erased_ids, *spec.exclude_ids, *earlier})


def _released(story: Story) -> Iterator[tuple[tuple[str, int], ToldReport, int]]:
    """Yield each released attempt with its report and the number of the entry that approved it."""
    for entry in story.of_kind(K.ITEM_RELEASED):
        approvals = [one.number for one in story.of_kind(K.PROPOSAL_APPROVED) if one.attempt == entry.attempt]
        if (told := story.reports.get(entry.attempt)) is not None and approvals:
            yield entry.attempt, told, approvals[0]


def _withheld(story: Story) -> Iterator[Statement]:
    """How many examples entered the erasure ledger without a release; no entry is a statement too."""
    for _ in closing(story):
        entered = (entry for entry in story.of_kind(K.ERASURE_ENTERED) if entry.data.get("item") == "")
        yield REQUEST, sum(entry.data["examples"] for entry in entered)


def _left_out(story: Story) -> Iterator[Statement]:
    for _ in closing(story):
        yield REQUEST, len(_with(story, *LEFT_ALONE))


def _ended_as(story: Story) -> Iterator[Statement]:
    """With which of the ends that rest on what models know the request was closed."""
    for entry in closing(story):
        if entry.data["outcome"] in LAPSES:
            yield REQUEST, entry.data["outcome"]


def _follows(story: Story) -> Iterator[Statement]:
    """Which of these ends follows: the first that became of one of the examples."""
    became = {way for one in accounted(story) for way in one["became"]}
    for _ in closing(story):
        yield REQUEST, next((str(way) for way in LAPSES if way in became), "")


CLOSED_COUNT = Fact(f"{K.REQUEST_CLOSED} accepted", _counted, (f"{K.REQUEST_CLOSED} accepted",))
ACCOUNTED = Fact(f"{K.MATCH_ACCOUNTED} examples, counted", _number, PLACES)
CLOSED_EXAMPLES = Fact(f"{K.MATCH_ACCOUNTED} examples", _closed_examples, PLACES)
ACCEPTED_BEFORE = Fact(f"{K.MATCH_ACCEPTED} examples at the end", _accepted_before, (f"{K.MATCH_ACCEPTED} examples",))
CALLED_RELEASED = Fact(f"{K.MATCH_ACCOUNTED} released", _called_released, PLACES)
FORGOTTEN = Fact("spec.json forget_ids of what was released", _forgotten, ("spec.json forget_ids",))
CALLED_UNTOUCHED = Fact(f"{K.MATCH_ACCOUNTED} left alone", _untouched, PLACES)
KNOWN_BEFORE = Fact(
    "spec.json erased_ids, exclude_ids and earlier",
    _not_learned,
    ("spec.json erased_ids", "spec.json exclude_ids", "spec.json earlier"),
)
WITHHELD = Fact(f"{K.ERASURE_ENTERED} examples, without a release", _withheld, (f"{K.ERASURE_ENTERED} examples",))
LEFT_OUT = Fact(f"{K.MATCH_ACCOUNTED} that no model in use knows", _left_out, PLACES)
ENDED_AS = Fact(f"{K.REQUEST_CLOSED} outcome by what models know", _ended_as, (f"{K.REQUEST_CLOSED} outcome",))
FOLLOWS = Fact(f"{K.MATCH_ACCOUNTED} became, of all", _follows, PLACES)
