"""Facts about ends without unlearning: what one officer proposed, another approved, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compliance.evidence.record import EntryBody
from compliance.formats.record_kinds import NOT_CONCERNED
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.stores import IN_STORES

from .facts import REQUEST, Fact, Statement
from .matches import decisions
from .story import Story

NO_INFLUENCE = "no_influence"
DECIDED = (K.MATCH_ADDED, K.MATCH_ACCEPTED, K.MATCH_REJECTED, K.MATCH_REOPENED)
SEARCHED_NOWHERE: Mapping[str, Any] = {}


def by_ending(entry: EntryBody) -> str | None:
    return f"Ending {entry.data['ending']}" if "ending" in entry.data else None


def _approved(story: Story) -> Iterator[EntryBody]:
    return (one for one in story.of_kind(K.ENDING_APPROVED) if {"item", "ending", "outcome"} <= one.data.keys())


def _approved_ends(story: Story) -> Iterator[Statement]:
    """The approved end of each item, and of the request unless an item had ended: then that was the end of the rest only."""
    ended = [int(one.number) for one in story.of_kind(K.ITEM_DECIDED, K.ITEM_LAPSED, K.ITEM_RELEASED) if _is_ended(one)]
    for entry in _approved(story):
        if entry.data["item"]:
            yield f"Item {entry.data['item']}", entry.data["outcome"]
        elif entry.data["outcome"] != NOT_CONCERNED and not any(number < entry.number for number in ended):
            yield REQUEST, entry.data["outcome"]


def _is_ended(entry: EntryBody) -> bool:
    return entry.kind != K.ITEM_DECIDED or entry.data.get("granted") is False


def _ends(story: Story) -> Iterator[Statement]:
    """How each item ended without a release, and the request."""
    for entry in story.of_kind(K.ITEM_DECIDED, K.ITEM_LAPSED, K.REQUEST_CLOSED):
        if entry.kind == K.ITEM_DECIDED and entry.data.get("granted") is False:
            yield f"Item {entry.data['item']}", "refused"
        elif entry.kind == K.ITEM_LAPSED and "outcome" in entry.data:
            yield f"Item {entry.data['item']}", entry.data["outcome"]
        elif entry.kind == K.REQUEST_CLOSED and "outcome" in entry.data:
            yield REQUEST, entry.data["outcome"]


def _approved_grounds(story: Story) -> Iterator[Statement]:
    for entry in _approved(story):
        if entry.data["outcome"] == "refused" and "ground" in entry.data:
            yield f"Item {entry.data['item']}", entry.data["ground"]


def _grounds(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.ITEM_DECIDED):
        if entry.data.get("granted") is False and "ground" in entry.data:
            yield f"Item {entry.data['item']}", entry.data["ground"]


def _lapsed_with_the_request(story: Story) -> Iterator[Statement]:
    approved = {entry.data["item"] for entry in _approved(story)}
    for entry in story.of_kind(K.ITEM_LAPSED):
        if entry.data.get("item") not in approved and "outcome" in entry.data:
            yield REQUEST, entry.data["outcome"]


def _without_influence(story: Story) -> Iterator[Statement]:
    for entry in _approved(story):
        if entry.data["item"] and entry.data["outcome"] == NO_INFLUENCE:
            yield f"Ending {entry.data['ending']}", NO_INFLUENCE


def _last_verdicts(story: Story) -> Iterator[Statement]:
    """What the signed report of the item's last attempt says; nothing if it was not signed when the end was approved."""
    for entry in _approved(story):
        before = [one for one in story.entries if one.number < entry.number and one.data.get("item") == entry.data["item"]]
        attempts = [one.attempt for one in before if one.kind == K.PROPOSAL_SUBMITTED and "attempt" in one.data]
        signed = [one.attempt for one in before if one.kind == K.ATTESTATION_SIGNED]
        told = story.reports.get(attempts[-1]) if attempts and attempts[-1] in signed else None
        yield f"Ending {entry.data['ending']}", told.report.verdict.outcome if told else ""


def _corrections(story: Story) -> Iterator[Statement]:
    for entry in story.of_kind(K.ITEM_CORRECTED):
        if "ending" in entry.data:
            yield f"Entry {entry.number}", entry.data["ending"]


def _approved_before(story: Story) -> Iterator[Statement]:
    """The end of the request, or of what leaves its items, that was approved before, since anybody decided about a match."""
    for entry in story.of_kind(K.ITEM_CORRECTED):
        approved: list[Any] = []
        for one in story.entries:
            if one.number < entry.number and one.kind in DECIDED:
                approved = []
            elif one.number < entry.number and one.kind == K.ENDING_APPROVED and one.data.get("item") == "":
                approved = [one.data["ending"]]
        yield f"Entry {entry.number}", approved


def _closings(story: Story) -> Iterator[Statement]:
    for entry in _approved(story):
        if not entry.data["item"] and entry.data["outcome"] != NOT_CONCERNED:
            yield f"Ending {entry.data['ending']}", entry.data["outcome"]


def _reviewed(story: Story) -> Iterator[Statement]:
    """What the last search before the end of a request covered, and how many matches were accepted or are still open."""
    for entry in _approved(story):
        before = [one for one in story.entries if one.number < entry.number]
        searches = [one.data for one in before if one.kind == K.MAPPING_COMPLETED] or [SEARCHED_NOWHERE]
        complete = searches[-1].get("complete", False)
        decided = decisions(before)
        found = max((search.get("candidates", 0) for search in searches), default=0)
        yield (
            f"Ending {entry.data['ending']}",
            {"complete": complete, "accepted": sum(decided.values()), "open": max(0, found - len(decided))},
        )


def closing_follows(outcome: str, reviewed: Mapping[str, Any]) -> bool:
    """Return whether a request can end so: “nothing found” needs a complete search, and nothing that was accepted.

    Whatever was found must have been decided.
    """
    if reviewed["open"]:
        return False
    if outcome == "not_searched":
        return True
    if outcome in ("no_match", IN_STORES):
        return not reviewed["accepted"] and reviewed["complete"] is True
    return outcome in ("already_erased", "not_learned") and bool(reviewed["accepted"])


_FIELDS = tuple(f"{K.ENDING_APPROVED} {field}" for field in ("item", "outcome"))
APPROVED_ENDS = Fact(f"{K.ENDING_APPROVED} outcome", _approved_ends, _FIELDS)
ENDS = Fact(
    "the outcome with which it ended",
    _ends,
    (f"{K.ITEM_LAPSED} item", f"{K.ITEM_LAPSED} outcome", f"{K.REQUEST_CLOSED} outcome"),
)
APPROVED_GROUNDS = Fact(f"{K.ENDING_APPROVED} ground", _approved_grounds, (f"{K.ENDING_APPROVED} ground",))
GROUNDS = Fact(f"{K.ITEM_DECIDED} ground of a refusal", _grounds, (f"{K.ITEM_DECIDED} ground",))
LAPSED_WITH_THE_REQUEST = Fact(
    f"{K.ITEM_LAPSED} outcome without an approved end", _lapsed_with_the_request, (f"{K.ITEM_LAPSED} outcome",)
)
WITHOUT_INFLUENCE = Fact(f"{K.ENDING_APPROVED} outcome {NO_INFLUENCE}", _without_influence, _FIELDS)
LAST_VERDICTS = Fact("verdict of the item's last signed report before", _last_verdicts, ("report verdict.outcome",))
CORRECTIONS = Fact(f"{K.ITEM_CORRECTED} ending", _corrections, (f"{K.ITEM_CORRECTED} ending",))
APPROVED_BEFORE = Fact(
    f"{K.ENDING_APPROVED} ending before, for the request", _approved_before, (f"{K.ENDING_APPROVED} ending",)
)
CLOSINGS = Fact(f"{K.ENDING_APPROVED} outcome of the request", _closings, _FIELDS)
REVIEWED = Fact(
    "last search and accepted matches before", _reviewed, (f"{K.MAPPING_COMPLETED} complete", f"{K.MATCH_ACCEPTED} examples")
)
