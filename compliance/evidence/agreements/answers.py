"""Facts about how the end of a case may call each accepted example: by the ends of the items that held it or its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.formats.dispositions import Disposition
from compliance.formats.record_kinds import RecordKind as K

from .dispositions import LEFT_ALONE, PLACES, accounted, closing, forgotten
from .facts import Fact, Statement
from .items import CREATED, holdings
from .matches import Example
from .story import Story

ANSWERS = (Disposition.REFUSED, Disposition.NO_INFLUENCE, Disposition.RELEASED)
"""What an example became because its item ended so."""


def labels(entries: Sequence[EntryBody]) -> dict[Example, str]:
    """Return the label of each example's content; nothing of those that no entry gives one."""
    given: dict[Example, str] = {}
    for entry in entries:
        if entry.kind == K.MATCH_ACCEPTED and "contents" in entry.data:
            given |= dict(_labelled(entry))
    return given


def _labelled(entry: EntryBody) -> Iterator[tuple[Example, str]]:
    for one, label in zip(entry.data["examples"], entry.data["contents"], strict=False):
        yield (one["snapshot"], one["example_id"]), label


class Among:
    """Whether examples, or others with their content, are among those that items with one end held."""

    def __init__(self, held: set[Example], given: Mapping[Example, str], *, known: bool) -> None:
        self.held, self.given, self.known = held, given, known
        self.contents = {given.get(one, "") for one in held}

    def surely(self, example: Example) -> bool:
        return example in self.held or self.copied(example)

    def copied(self, example: Example) -> bool:
        label = self.given.get(example, "")
        return bool(label) and label in self.contents

    def possibly(self, example: Example) -> bool:
        """Return whether it is, or nothing is known of its content, of theirs, or of what an item held."""
        return self.surely(example) or not self.known or (bool(self.held) and self._is_unlabelled(example))

    def _is_unlabelled(self, example: Example) -> bool:
        return example not in self.given or "" in self.contents


def _ended(story: Story, given: Mapping[Example, str]) -> dict[str, Among]:
    """Return what items held that ended in each way, and what released attempts forgot of it."""
    items = list(holdings(story.entries).values())
    ended = {}
    for way in ANSWERS:
        own = [item for item in items if item.end == way]
        held = {place for item in own for place in item.places}
        ended[str(way)] = Among(held, given, known=all(item.examples is not None for item in own))
    gone = forgotten(story)
    ended[Disposition.COPY_RELEASED] = ended[Disposition.RELEASED] if gone is None else Among(gone, given, known=True)
    return ended


def _answered(story: Story) -> Iterator[Statement]:
    """The ways in which each accepted example may and must be said to have ended."""
    given = labels(story.entries)
    for _ in closing(story):
        ended, gone = _ended(story, given), forgotten(story)
        refused, copies = ended[Disposition.REFUSED], ended[Disposition.COPY_RELEASED]
        for about, one in _examples(story):
            example = one["snapshot"], one["example_id"]
            may = {*LEFT_ALONE, *(way for way, among in ended.items() if among.possibly(example))}
            is_copy = gone is not None and example not in gone and copies.copied(example)
            surely = {Disposition.REFUSED: refused.surely(example), Disposition.COPY_RELEASED: is_copy}
            yield about, {"may": sorted(may), "must": sorted(way for way, so in surely.items() if so)}


def _called(story: Story) -> Iterator[Statement]:
    for _ in closing(story):
        for about, one in _examples(story):
            yield about, one["became"]


def _examples(story: Story) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((f"Example {number} of the end", one) for number, one in enumerate(accounted(story), start=1))


def follows(called: list[str], answered: Mapping[str, list[str]]) -> bool:
    """Return whether an example is said to have ended as it may, and as it must."""
    return set(answered["must"]) <= set(called) <= set(answered["may"])


def _contents(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.MATCH_ACCEPTED):
        if "contents" in entry.data:
            yield f"Entry {entry.number}", [label for _one, label in _labelled(entry)]


def _counted(field: str) -> Fact:
    def read(story: Story) -> Iterator[Statement]:
        for entry in story.of_kind(K.MATCH_ACCEPTED):
            if "contents" in entry.data:
                yield f"Entry {entry.number}", len(entry.data[field])

    return Fact(f"{K.MATCH_ACCEPTED} {field} of an entry, counted", read, (f"{K.MATCH_ACCEPTED} {field}",))


def _contents_before(story: Story) -> Iterator[Statement]:
    """The labels that the examples of each entry had before, if any; else their own."""
    before: dict[Example, str] = {}
    for entry in story.of_kind(K.MATCH_ACCEPTED):
        if "contents" in entry.data:
            yield f"Entry {entry.number}", [before.setdefault(one, label) for one, label in _labelled(entry)]


CONTENT_PLACES = (f"{K.MATCH_ACCEPTED} contents",)
CALLED = Fact(f"{K.MATCH_ACCOUNTED} became", _called, PLACES)
ANSWERED = Fact(
    "how the items ended that held it or its content",
    _answered,
    (*CREATED, *CONTENT_PLACES, "spec.json forget_ids", f"{K.ITEM_DECIDED} granted", f"{K.ITEM_LAPSED} outcome"),
)
CONTENT_COUNT, EXAMPLE_COUNT = _counted("contents"), _counted("examples")
CONTENTS = Fact(f"{K.MATCH_ACCEPTED} contents", _contents, CONTENT_PLACES)
CONTENTS_BEFORE = Fact(f"{K.MATCH_ACCEPTED} contents before", _contents_before, CONTENT_PLACES)
