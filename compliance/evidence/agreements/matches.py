"""Facts about the matches that officers decided: what each decision says together with those before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compliance.evidence.record import EntryBody
from compliance.formats.record_kinds import RecordKind as K

from .facts import REQUEST, Fact, Statement, words
from .story import Story

Example = tuple[str, str]
"""The beginning of a snapshot's digest, and the id of an example in it."""
BEGINNING = 16
"""Digits of a digest that an entry about matches gives."""
MATCHES = (f"{K.MATCH_ACCEPTED} examples", f"{K.MATCH_REJECTED} examples")


def decisions(entries: Iterable[EntryBody]) -> dict[Example, bool]:
    """Return whether each match is accepted after these entries: the last decision about it counts."""
    decided: dict[Example, bool] = {}
    for entry in entries:
        if entry.kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED):
            for example in entry.data.get("examples", ()):
                identifier = example.get("example_id", example.get("record_id"))
                decided[example["snapshot"], identifier] = entry.kind == K.MATCH_ACCEPTED
    return decided


def _counted(kind: bool) -> Fact:  # accepted or rejected
    def read(story: Story) -> Iterator[Statement]:
        for place, entry in enumerate(story.entries):
            if entry.kind == K.MATCHES_DECIDED and (decided := decisions(story.entries[:place])):
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
    return all(len(one) >= BEGINNING and any(whole.startswith(one) for whole in second) for one in first)
