"""Facts about what each item holds, entry after entry: as it was created, less what corrections took out of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.evidence.registered import MODEL
from compliance.formats.dispositions import Disposition
from compliance.formats.record_kinds import NOT_CONCERNED
from compliance.formats.record_kinds import RecordKind as K

from .facts import Fact, Statement, words
from .matches import BEGINNING, MATCHES, Example, accepted_examples, decisions
from .story import Story

EMPTIED = "emptied"
HELD_FOR_GOOD = ("", Disposition.RELEASED, Disposition.REFUSED)
"""How items stand that hold their examples: open, or decided for good. What has lapsed holds nothing any more."""
ANSWERED = (*HELD_FOR_GOOD, Disposition.NO_INFLUENCE)
"""How items stand whose examples need no further item of their model. What had no influence on one version may come into
another item, once another version is in use.
"""
CREATED = tuple(f"{K.ITEM_CREATED} {field}" for field in ("item", "snapshot", "examples"))


@dataclass
class Holding:
    """What an item holds, and how it stands."""

    examples: set[str] | None = None
    """None where no entry lists them: earlier versions wrote none."""
    new: set[str] = field(default_factory=set)
    """What was accepted as it was created and in no item of its model: it holds them, or the model knew them no more."""
    snapshot: str = ""
    model: str = ""
    end: str = ""
    """Released, refused, emptied, or what it lapsed for; empty while it is open."""

    @property
    def places(self) -> set[Example]:
        return {(self.snapshot, one) for one in self.examples or ()}


def holdings(entries: Sequence[EntryBody]) -> dict[str, Holding]:
    """Return what each item holds after these entries."""
    items: dict[str, Holding] = {}
    for place, entry in enumerate(entries):
        if entry.kind == K.MATCHES_DECIDED:
            items |= {one: Holding() for one in _items(entry) if one not in items}
        if not (name := entry.data.get("item")):
            continue
        item = items.setdefault(name, Holding())
        if entry.kind == K.ITEM_CREATED:
            if item.examples is None:
                item.model, item.snapshot, item.examples = entry.data["model"], entry.data["snapshot"], set()
                item.new = _new(item, items.values(), accepted_examples(entries[:place], item.snapshot))
            item.examples.update(entry.data["examples"])
        elif entry.kind == K.ITEM_CORRECTED and item.examples is not None:
            decided = decisions(entries[:place])
            item.examples = {one for one in item.examples if decided.get((item.snapshot, one))}
            item.new = {one for one in item.new if decided.get((item.snapshot, one))}
        item.end = _end(entry) or item.end
    return items


def _new(item: Holding, items: Iterable[Holding], accepted: set[str]) -> set[str]:
    if any(one.examples is None for one in items):
        return set()
    return accepted - held_in(items, item.model, item.snapshot, ANSWERED)


def held_in(items: Iterable[Holding], model: str, snapshot: str, ends: Collection[str]) -> set[str]:
    """Return what items of a model hold that stand like this."""
    own = [one for one in items if (one.model, one.snapshot) == (model, snapshot) and one.end in ends]
    return {example for one in own for example in one.examples or ()}


def _end(entry: EntryBody) -> str:
    """Return how an item ended by an entry about it; empty if it did not."""
    if entry.kind == K.ITEM_RELEASED:
        return Disposition.RELEASED
    if entry.kind == K.ITEM_DECIDED and entry.data.get("granted") is False:
        return Disposition.REFUSED
    if entry.kind == K.ITEM_CORRECTED and entry.data.get("examples") == 0:
        return EMPTIED
    return str(entry.data.get("outcome", "")) if entry.kind == K.ITEM_LAPSED else ""


def lists_items(entries: Sequence[EntryBody]) -> bool:
    """Return whether a version that lists the examples of items has written one of these entries."""
    return any(one.kind == K.ITEM_CREATED or (one.kind == K.MATCH_ACCEPTED and "contents" in one.data) for one in entries)


def _created(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.ITEM_CREATED):
        yield f"Entry {entry.number}", sorted(entry.data["examples"])


def _accepted_by_then(story: Story) -> Iterator[Statement]:
    for place, entry in enumerate(story.entries):
        if entry.kind == K.ITEM_CREATED:
            yield f"Entry {entry.number}", sorted(accepted_examples(story.entries[:place], entry.data["snapshot"]))


def _held_by_then(story: Story) -> Iterator[Statement]:
    """What items of the same model hold as another is created, the earlier parts of itself included."""
    for place, entry in enumerate(story.entries):
        if entry.kind == K.ITEM_CREATED:
            items = holdings(story.entries[:place]).values()
            yield f"Entry {entry.number}", sorted(held_in(items, entry.data["model"], entry.data["snapshot"], HELD_FOR_GOOD))


def _created_items(story: Story) -> Iterator[Statement]:
    """The items that were created for each review, from the version on that lists their examples."""
    created: list[Any] = []
    for place, entry in enumerate(story.entries):
        if entry.kind == K.ITEM_CREATED:
            created.append(entry.data["item"])
        elif entry.kind == K.MATCHES_DECIDED:
            if lists_items(story.entries[:place]):
                yield f"Entry {entry.number}", [item for item, _parts in groupby(created)]
            created = []


def _reviewed_items(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.MATCHES_DECIDED):
        yield f"Entry {entry.number}", list(_items(entry))


def _items_of_earlier_reviews(story: Story) -> Iterator[Statement]:
    earlier = set[str]()
    for entry in story.of_kind(K.MATCHES_DECIDED):
        yield f"Entry {entry.number}", sorted(earlier)
        earlier.update(_items(entry))


def _left(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.ITEM_CORRECTED):
        yield f"Entry {entry.number}", entry.data["examples"]


def _left_of_items(story: Story) -> Iterator[Statement]:
    for place, entry in enumerate(story.entries):
        if entry.kind == K.ITEM_CORRECTED:
            item = holdings(story.entries[: place + 1]).get(entry.data["item"], Holding())
            if item.examples is not None:
                yield f"Entry {entry.number}", len(item.examples)


def _corrected(story: Story) -> Iterator[Statement]:
    """The items of which something was taken out by each approved end."""
    for place, entry in _approved(story):
        known = {name for name, item in holdings(story.entries[:place]).items() if item.examples is not None}
        done = [one for one in story.of_kind(K.ITEM_CORRECTED) if one.data.get("ending") == entry.data["ending"]]
        yield f"Ending {entry.data['ending']}", sorted(one.data["item"] for one in done if one.data["item"] in known)


def _to_be_corrected(story: Story) -> Iterator[Statement]:
    """The open items that held what was not accepted any more, if that is what was approved."""
    for place, entry in _approved(story):
        before = story.entries[:place] if entry.data["outcome"] == NOT_CONCERNED else ()
        accepted = {match for match, is_accepted in decisions(before).items() if is_accepted}
        items = holdings(before).items()
        yield f"Ending {entry.data['ending']}", sorted(name for name, one in items if not one.end and one.places - accepted)


def _approved(story: Story) -> Iterator[tuple[int, EntryBody]]:
    for place, entry in enumerate(story.entries):
        if entry.kind == K.ENDING_APPROVED and {"ending", "outcome"} <= entry.data.keys():
            yield place, entry


def _of_attempts(field: str) -> Fact:
    """Return what the item of each reported attempt is about: the model or the snapshot."""

    def read(story: Story) -> Iterator[Statement]:
        items = holdings(story.entries)
        for attempt in story.reports:
            if (item := items.get(attempt[0])) is not None and item.examples is not None:
                yield words(attempt), getattr(item, field)

    return Fact(f"{K.ITEM_CREATED} {field}", read, (f"{K.ITEM_CREATED} {field}",))


def _snapshots(story: Story) -> Iterator[Statement]:
    for attempt, told in story.reports.items():
        yield words(attempt), told.report.snapshot_sha256[:BEGINNING]


def _models(story: Story) -> Iterator[Statement]:
    """The name of the model that each run started from."""
    for attempt in story.reports:
        if (entry := story.base_of(attempt)) is not None:
            yield words(attempt), entry.subject.removeprefix(MODEL)


def _accepted_for_the_item(story: Story) -> Iterator[Statement]:
    """What an attempt can forget, and what it must, unless the model knew it no more, when it was approved.

    Older histories do not say what items held: then it can forget all that was accepted.
    """
    for attempt, told in story.reports.items():
        approvals = [entry.number for entry in story.of_kind(K.PROPOSAL_APPROVED) if entry.attempt == attempt]
        before, snapshot = (approvals or [len(story.entries) + 1])[0], told.report.snapshot_sha256
        entries = [entry for entry in story.entries if entry.number < before]
        held = holdings(entries).get(attempt[0], Holding()).examples
        accepted = accepted_examples(entries, snapshot)
        may = accepted if held is None else accepted & held
        yield words(attempt), {"all": sorted(may), "new": sorted(examples_of_item(story, attempt[0], before, snapshot))}


def examples_of_item(story: Story, item: str, before: int, snapshot_sha256: str) -> set[str]:
    """Return what an item held before an entry, or would have held, had the model not known it no more.

    In older histories, these are the accepted examples that are in no earlier item, or all, if no review names the item.
    """
    entries = [entry for entry in story.entries if entry.number < before]
    accepted, told = accepted_examples(entries, snapshot_sha256), holdings(entries).get(item, Holding())
    new = _new_with_the_item(story, item, before, snapshot_sha256) if told.examples is None else told.examples | told.new
    return accepted if new is None else accepted & new


def _new_with_the_item(story: Story, item: str, before: int, snapshot_sha256: str) -> set[str] | None:
    """Return what the review that made an item accepted and no earlier item held, without what has left it since.

    A correction takes out of items what is not accepted then; accepted again, it is new to the next item. None if no review
    names the item.
    """
    held, new = set[str](), None
    for place, entry in enumerate(story.entries):
        if entry.kind not in (K.MATCHES_DECIDED, K.ITEM_CORRECTED) or entry.number >= before:
            continue
        accepted = accepted_examples(story.entries[:place], snapshot_sha256)
        if entry.kind == K.ITEM_CORRECTED:
            held &= accepted
            new = new & accepted if new is not None and entry.data.get("item") == item else new
        else:
            new = accepted - held if item in _items(entry) else new
            held |= accepted
    return new


def _items(entry: EntryBody) -> Sequence[str]:
    items = entry.data.get("items")
    return items if isinstance(items, list) else ()


CREATED_EXAMPLES = Fact(f"{K.ITEM_CREATED} examples", _created, CREATED)
ACCEPTED_BY_THEN = Fact(f"{K.MATCH_ACCEPTED} examples before the item", _accepted_by_then, MATCHES)
HELD_BY_THEN = Fact(f"{K.ITEM_CREATED} examples of the model before", _held_by_then, (*CREATED, f"{K.ITEM_CREATED} model"))
CREATED_ITEMS = Fact(f"{K.ITEM_CREATED} item, of a review", _created_items, (f"{K.ITEM_CREATED} item",))
REVIEWED_ITEMS = Fact(f"{K.MATCHES_DECIDED} items of a review", _reviewed_items, (f"{K.MATCHES_DECIDED} items",))
EARLIER_ITEMS = Fact(f"{K.MATCHES_DECIDED} items of the reviews before", _items_of_earlier_reviews, REVIEWED_ITEMS.places)
LEFT = Fact(f"{K.ITEM_CORRECTED} examples", _left, (f"{K.ITEM_CORRECTED} examples",))
LEFT_OF_ITEMS = Fact("what was left of the item", _left_of_items, (*CREATED, *MATCHES))
CORRECTED = Fact(f"{K.ITEM_CORRECTED} item, by its ending", _corrected, (f"{K.ITEM_CORRECTED} item",))
TO_BE_CORRECTED = Fact("open items that held what was rejected", _to_be_corrected, (*CREATED, *MATCHES))
SNAPSHOT_OF_ITEM, MODEL_OF_ITEM = _of_attempts("snapshot"), _of_attempts("model")
SNAPSHOT_OF_REPORT = Fact("report snapshot_sha256, its beginning", _snapshots, ("report snapshot_sha256",))
MODEL_OF_REPORT = Fact(f"{K.MODEL_REGISTERED} name of report base_model_sha256", _models, ("report base_model_sha256",))
ACCEPTED_EXAMPLES = Fact(
    f"examples of the item by {K.ITEM_CREATED} and {K.MATCH_ACCEPTED}", _accepted_for_the_item, (*MATCHES, *CREATED)
)
