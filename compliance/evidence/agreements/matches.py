"""Facts about the matches that officers decided: what each decision says together with those before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compliance.evidence.record import EntryBody
from compliance.formats.record_kinds import FIELDS
from compliance.formats.record_kinds import RecordKind as K

from .facts import REQUEST, Fact, Statement, words
from .story import Story

Example = tuple[str, str]
"""The beginning of a snapshot's digest, and the id of an example in it."""
BEGINNING = 16
"""Digits of a digest that an entry about matches gives."""
OF_ITEMS = tuple(kind for kind, fields in FIELDS.items() if "item" in fields)
LEARNED = ("train", "")
"""Sets that models are trained on; older entries do not name the set."""
SEARCHED_HOW = ("search", "searched", "unreadable", "texts_only", "queries", "not_searchable")
MATCHES = (f"{K.MATCH_ACCEPTED} examples", f"{K.MATCH_REJECTED} examples", f"{K.MATCH_REOPENED} examples")


def decisions(entries: Iterable[EntryBody]) -> dict[Example, bool]:
    """Return whether each match is accepted by the last decision about it, unless that was taken back."""
    decided: dict[Example, bool] = {}
    for entry in entries:
        if entry.kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED, K.MATCH_REOPENED):
            for example in entry.data.get("examples", ()):
                match = example["snapshot"], example.get("example_id", example.get("record_id"))
                if entry.kind == K.MATCH_REOPENED:
                    decided.pop(match, None)
                else:
                    decided[match] = entry.kind == K.MATCH_ACCEPTED
    return decided


def _counted(kind: bool) -> Fact:  # accepted or rejected
    def read(story: Story) -> Iterator[Statement]:
        for place, entry in enumerate(story.entries):
            if entry.kind == K.MATCHES_DECIDED:
                decided = decisions(story.entries[:place])
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
    for entry in story.of_kind(K.MATCHES_DECIDED):
        if {"accepted", "rejected"} <= entry.data.keys():
            yield f"Entry {entry.number}", entry.data["accepted"] + entry.data["rejected"]


def _found_matches(story: Story) -> Iterator[Statement]:
    """How many matches a review must at least and can at most have decided.

    Later searches find earlier matches again, and what was added by hand: how many of them, the record does not say.
    """
    for entry in story.of_kind(K.MATCHES_DECIDED):
        before = [one for one in story.entries if one.number < entry.number]
        searches = [one for one in before if one.kind == K.MAPPING_COMPLETED and "candidates" in one.data]
        added = [one.number for one in before if one.kind == K.MATCH_ADDED]
        if searches:
            found = [one.data["candidates"] + sum(number > one.number for number in added) for one in searches]
            most = sum(one.data["candidates"] for one in searches) + len(added)
            yield f"Entry {entry.number}", [max(found), most]


def between(number: int, bounds: list[int]) -> bool:
    return bounds[0] <= number <= bounds[1]


def _matched(story: Story) -> Iterator[Statement]:
    """The snapshots of the matches that nobody added by hand."""
    decided = decisions(story.entries).keys() - _added(story.entries)
    if decided:
        yield REQUEST, sorted({snapshot for snapshot, _ in decided})


def _searched(story: Story) -> Iterator[Statement]:
    """What was searched, by any of the searches: a match stays one when a later search does not find it."""
    searches = story.of_kind(K.MAPPING_COMPLETED)
    if searches and all("searched" in entry.data for entry in searches):
        yield REQUEST, sorted({snapshot for entry in searches for snapshot in entry.data["searched"]})


def _added(entries: Iterable[EntryBody]) -> set[Example]:
    return {(one.data["snapshot"], one.data["example_id"]) for one in entries if one.kind == K.MATCH_ADDED}


def _added_examples(story: Story) -> Iterator[Statement]:
    if added := _added(story.entries):
        yield REQUEST, sorted(map(list, added))


def _ever_accepted(story: Story) -> Iterator[Statement]:
    """The examples that were accepted at any time: what is added is, and can be taken back."""
    accepted = [one for entry in story.of_kind(K.MATCH_ACCEPTED) for one in entry.data.get("examples", ())]
    yield REQUEST, sorted(map(list, {(one["snapshot"], one.get("example_id", one.get("record_id"))) for one in accepted}))


def by_search(entry: EntryBody) -> str | None:
    return f"Search {entry.data['search']}" if "search" in entry.data else None


def _could_be_complete(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.MAPPING_COMPLETED):
        if (about := by_search(entry)) is not None and {"searched", "unreadable", "not_searchable"} <= entry.data.keys():
            # Until it was recorded, texts beside images and tables counted as a complete search.
            gaps = [*entry.data["unreadable"], *entry.data.get("texts_only", ()), *entry.data["not_searchable"]]
            looked_for = entry.data.get("queries") != []
            yield about, looked_for and bool(entry.data["searched"]) and not gaps


def _items(story: Story) -> Iterator[Statement]:
    reviews = [entry.data["items"] for entry in story.of_kind(K.MATCHES_DECIDED) if "items" in entry.data]
    if reviews and all(isinstance(items, list) for items in reviews):
        items = sorted({item for items in reviews for item in items})
        yield REQUEST, items
        for entry in story.entries:
            yield f"Entry {entry.number}", items


def _named_items(story: Story) -> Iterator[Statement]:
    """The items that entries are about; an empty one stands for the request."""
    for entry in story.entries:
        if entry.kind != K.MATCHES_DECIDED and entry.data.get("item"):
            yield f"Entry {entry.number}", entry.data["item"]


def _item_counts(story: Story) -> Iterator[Statement]:
    for number, entry in enumerate(story.of_kind(K.MATCHES_DECIDED), start=1):
        if isinstance(entry.data.get("items"), list):
            yield f"Review {number}", len(entry.data["items"])


def _review_counts(story: Story) -> Iterator[Statement]:
    for number, entry in enumerate(story.of_kind(K.REVIEW_COMPLETED), start=1):
        if "items" in entry.data:
            yield f"Review {number}", entry.data["items"]


def _accepted_at_the_release(story: Story) -> Iterator[Statement]:
    """The accepted training examples of the snapshot that a released attempt is about, when it was released."""
    for entry in story.of_kind(K.ITEM_RELEASED):
        told = story.reports.get(entry.attempt)
        if told is not None:
            before = [one for one in story.entries if one.number < entry.number]
            yield words(entry.attempt), sorted(accepted_examples(before, told.report.snapshot_sha256))


def accepted_examples(entries: Sequence[EntryBody], snapshot_sha256: str, *, learned: bool = True) -> set[str]:
    """Return the examples of a snapshot that are accepted after these entries: those that a model learns, or the others."""
    held_out = _not_learned(entries)
    return {
        identifier
        for (snapshot, identifier), accepted in decisions(entries).items()
        if accepted and snapshot_sha256.startswith(snapshot) and ((snapshot, identifier) not in held_out) == learned
    }


def _accepted_as_held_out(story: Story) -> Iterator[Statement]:
    """The accepted examples of each attempt's snapshot, by the set, not learned from, in which entries place them."""
    sets = _not_learned(story.entries)
    for attempt, told in story.reports.items():
        digest = told.report.snapshot_sha256
        accepted = accepted_examples(story.entries, digest, learned=False)
        by_set: dict[str, list[str]] = {}
        for (snapshot, example_id), name in sorted(sets.items()):
            if example_id in accepted and digest.startswith(snapshot):
                by_set.setdefault(name, []).append(example_id)
        yield words(attempt), by_set


def _not_learned(entries: Iterable[EntryBody]) -> dict[Example, str]:
    """Return the sets of the matches that no model is trained on; older entries do not say so of any."""
    return {
        (example["snapshot"], example.get("example_id", "")): example["set"]
        for entry in entries
        if entry.kind == K.MATCH_ACCEPTED
        for example in entry.data.get("examples", ())
        if example.get("set", "") not in LEARNED
    }


ACCEPTED, REJECTED = _counted(kind=True), _counted(kind=False)
REVIEW_ACCEPTED, REVIEW_REJECTED = _review("accepted"), _review("rejected")
REVIEWED_MATCHES = Fact(
    f"{K.MATCHES_DECIDED} accepted and rejected",
    _reviewed_matches,
    (f"{K.MATCHES_DECIDED} accepted", f"{K.MATCHES_DECIDED} rejected"),
)
FOUND_MATCHES = Fact(
    f"{K.MAPPING_COMPLETED} candidates and {K.MATCH_ADDED}",
    _found_matches,
    (f"{K.MAPPING_COMPLETED} candidates", f"{K.MATCH_ADDED} example_id"),
)
MATCHED_SNAPSHOTS = Fact("snapshots of the matches", _matched, MATCHES)
SEARCHED_SNAPSHOTS = Fact(f"{K.MAPPING_COMPLETED} searched", _searched, (f"{K.MAPPING_COMPLETED} searched",))
ADDED_EXAMPLES = Fact(
    f"{K.MATCH_ADDED} examples", _added_examples, (f"{K.MATCH_ADDED} snapshot", f"{K.MATCH_ADDED} example_id")
)
EVER_ACCEPTED = Fact(f"{K.MATCH_ACCEPTED} examples at any time", _ever_accepted, (f"{K.MATCH_ACCEPTED} examples",))
COULD_BE_COMPLETE = Fact(
    "what could and could not be searched",
    _could_be_complete,
    tuple(f"{K.MAPPING_COMPLETED} {field}" for field in SEARCHED_HOW),
)
ITEMS = Fact(f"{K.MATCHES_DECIDED} items", _items, (f"{K.MATCHES_DECIDED} items",))
NAMED_ITEMS = Fact("items of other entries", _named_items, tuple(f"{kind} item" for kind in OF_ITEMS))
ITEM_COUNTS = Fact(f"{K.MATCHES_DECIDED} items, counted", _item_counts, (f"{K.MATCHES_DECIDED} items",))
REVIEW_COUNTS = Fact(f"{K.REVIEW_COMPLETED} items", _review_counts, (f"{K.REVIEW_COMPLETED} items",))
ACCEPTED_AT_THE_RELEASE = Fact(f"{K.MATCH_ACCEPTED} examples at the release", _accepted_at_the_release, MATCHES)
ACCEPTED_HELD_OUT = Fact(f"{K.MATCH_ACCEPTED} examples set held_out", _accepted_as_held_out, MATCHES)


def begins_one_of(first: list[str], second: list[str]) -> bool:
    """Return whether each of the first texts is the beginning of one of the second."""
    return all(len(one) >= BEGINNING and any(whole.startswith(one) for whole in second) for one in first)
