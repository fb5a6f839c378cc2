"""Facts about what enters the erasure ledger without a release: what somebody else approved after it had been accepted."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.evidence.record import EntryBody
from compliance.formats.dispositions import Disposition
from compliance.formats.record_kinds import NOT_CONCERNED
from compliance.formats.record_kinds import RecordKind as K

from .facts import REQUEST, Fact, Statement
from .items import CREATED, HELD_FOR_GOOD, holdings
from .matches import decisions
from .story import Story

WITHHELD = {Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED}
APPROVALS = (K.ENDING_APPROVED, K.PROPOSAL_APPROVED)
BESIDE_PLACES = tuple(f"{kind} beside" for kind in APPROVALS)


def _approvals(story: Story) -> list[EntryBody]:
    """Return the approvals that say how much else they cover; those of earlier versions do not."""
    return [entry for entry in story.of_kind(*APPROVALS) if "beside" in entry.data]


def _beside(story: Story) -> Iterator[Statement]:
    for entry in _approvals(story):
        yield f"Entry {entry.number}", entry.data["beside"]


def _in_no_item(story: Story) -> Iterator[Statement]:
    """How many accepted examples no open or decided item held: at least, and at most, if it is not said what items held."""
    for entry in _approvals(story):
        before = [one for one in story.entries if one.number < entry.number]
        items = [item for item in holdings(before).values() if item.end in HELD_FOR_GOOD]
        held = {place for item in items for place in item.places}
        alone = sum(accepted and match not in held for match, accepted in decisions(before).items())
        least = alone if all(item.examples is not None for item in items) else 0
        out = entry.data.get("outcome") == NOT_CONCERNED
        yield f"Entry {entry.number}", [0, 0] if out else [least, alone]


def _withheld(story: Story) -> Iterator[Statement]:
    """The examples that are said to be in no model, if any entered the ledger as the request ended."""
    if any(entry.data.get("item") == "" for entry in story.of_kind(K.ERASURE_ENTERED)):
        accounted = [one for entry in story.of_kind(K.MATCH_ACCOUNTED) for one in entry.data["examples"]]
        left = [one for one in accounted if set(one["became"]) <= WITHHELD]
        yield REQUEST, sorted([one["snapshot"], one["example_id"]] for one in left)


def _accepted_before_the_last(story: Story) -> Iterator[Statement]:
    for entry in [one for one in _approvals(story) if one.data.get("outcome") != NOT_CONCERNED][-1:]:
        decided = decisions(one for one in story.entries if one.number < entry.number)
        yield REQUEST, sorted(list(match) for match, accepted in decided.items() if accepted)


APPROVED_BESIDE = Fact("beside of approvals", _beside, BESIDE_PLACES)
IN_NO_ITEM = Fact("accepted examples in no item before approvals", _in_no_item, (f"{K.MATCH_ACCEPTED} examples", *CREATED))
WITHHELD_EXAMPLES = Fact(
    "match.accounted of what was withheld", _withheld, (f"{K.MATCH_ACCOUNTED} examples", f"{K.ERASURE_ENTERED} item")
)
APPROVED_EXAMPLES = Fact(
    "accepted examples before the last approval", _accepted_before_the_last, (f"{K.MATCH_ACCEPTED} examples",)
)
