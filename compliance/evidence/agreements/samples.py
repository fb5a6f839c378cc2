"""Facts about samples of what a search had not found: what was ordered, drawn and looked at, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any, Final

from compliance.evidence.record import EntryBody
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.samples import all_at_most

from .agreement import Agreement, apart, at_least, part_of
from .facts import Fact, Statement, entry
from .matches import Example, begins_one_of, between, decisions
from .story import Story

GROUPS_PLACE = f"{K.SAMPLE_DRAWN} groups"
DECIDED = tuple(f"{kind} examples" for kind in (K.MATCH_ACCEPTED, K.MATCH_REJECTED, K.MATCH_REOPENED))


def by_sample(one: EntryBody) -> str:
    return f"Sample {one.data['sample']}"


def _of_search(name: str, read: Callable[[EntryBody], Any], *places: str) -> Fact:
    """Return what `read` makes of the search that a sample is of; nothing if that is not among the entries before."""

    def stated(story: Story) -> Iterator[Statement]:
        for one in story.of_kind(K.SAMPLE_ORDERED):
            for search in story.of_kind(K.MAPPING_COMPLETED):
                if search.number < one.number and search.data.get("search") == one.data["search"]:
                    yield by_sample(one), read(search)

    return Fact(name, stated, places)


def _last_searches(story: Story) -> Iterator[Statement]:
    for one in story.of_kind(K.SAMPLE_ORDERED):
        before = [search for search in story.of_kind(K.MAPPING_COMPLETED) if search.number < one.number]
        yield by_sample(one), before[-1].data.get("search") if before else None


def _snapshots(story: Story) -> Iterator[Statement]:
    for one in story.of_kind(K.SAMPLE_ORDERED):
        yield by_sample(one), [one.data["snapshot"]]


def _ordered(story: Story, one: EntryBody) -> EntryBody | None:
    """Return the order of the sample that an entry is about."""
    same = (order for order in story.of_kind(K.SAMPLE_ORDERED) if order.data["sample"] == one.data["sample"])
    return next(same, None)


def _drawn(story: Story, one: EntryBody) -> list[tuple[int, list[str]]]:
    """Return the population of each group, and what was drawn of it, of the sample that an entry is about."""
    for drawn in story.of_kind(K.SAMPLE_DRAWN):
        if drawn.data["sample"] == one.data["sample"]:
            return [(group["population"], group["drawn"]) for group in drawn.data["groups"]]
    return []


def _ids(story: Story, one: EntryBody) -> list[str]:
    return [example for _population, drawn in _drawn(story, one) for example in drawn]


def _of_drawn(name: str, read: Callable[[Story, EntryBody], Any], *places: str) -> Fact:
    def stated(story: Story) -> Iterator[Statement]:
        for one in story.of_kind(K.SAMPLE_DRAWN):
            if (value := read(story, one)) is not None:
                yield by_sample(one), value

    return Fact(name, stated, places)


def _of_finished(name: str, read: Callable[[Story, EntryBody], Any], *places: str) -> Fact:
    def stated(story: Story) -> Iterator[Statement]:
        for one in story.of_kind(K.SAMPLE_FINISHED):
            if (value := read(story, one)) is not None:
                yield by_sample(one), value

    return Fact(name, stated, places)


def _sizes(story: Story, one: EntryBody) -> list[int]:
    return [len(drawn) for _population, drawn in _drawn(story, one)]


def _possible_sizes(story: Story, one: EntryBody) -> list[int] | None:
    order = _ordered(story, one)
    return None if order is None else [min(order.data["size"], population) for population, _drawn in _drawn(story, one)]


def _once(story: Story, one: EntryBody) -> int:
    return len(set(_ids(story, one)))


def _in_all(story: Story, one: EntryBody) -> int:
    return len(_ids(story, one))


def _counted(story: Story, one: EntryBody) -> int:
    return sum(population for population, _drawn in _drawn(story, one)) + int(one.data["known"])


def _registered(story: Story, one: EntryBody) -> int | None:
    """Return how many examples the corpus was registered with, if that is among the entries."""
    order = _ordered(story, one)
    for corpus in story.others:
        same = order is not None and str(corpus.data.get("snapshot_sha256", "")).startswith(order.data["snapshot"])
        if same and corpus.kind == K.CORPUS_REGISTERED:
            return int(sum(corpus.data["counts"].values()))
    return None


def _of_snapshot(story: Story, one: EntryBody, examples: set[Example]) -> list[str] | None:
    order = _ordered(story, one)
    return None if order is None else sorted(example for snapshot, example in examples if snapshot == order.data["snapshot"])


def _matches_before(story: Story, one: EntryBody) -> list[str] | None:
    """Return the matches that anybody had ever decided about when the sample was drawn: they were known."""
    before = (other for other in story.entries if other.number < one.number and other.kind != K.MATCH_REOPENED)
    return _of_snapshot(story, one, set(decisions(before)))


def _least_known(story: Story, one: EntryBody) -> int | None:
    """Return how many examples were known at least: decided about, or found by a search that read this corpus alone."""
    order, decided = _ordered(story, one), _matches_before(story, one)
    if order is None or decided is None:
        return None
    searches = (other for other in story.of_kind(K.MAPPING_COMPLETED) if other.number < one.number)
    found = [int(search.data["candidates"]) for search in searches if _read_alone(search, order.data["snapshot"])]
    return max([len(decided), *found])


def _read_alone(search: EntryBody, snapshot: str) -> bool:
    searched = search.data.get("searched")
    if not isinstance(searched, list) or search.data.get("unreadable"):
        return False
    return len(searched) == 1 and str(searched[0]).startswith(snapshot)


def _possibly_added(story: Story, one: EntryBody) -> list[int] | None:
    """Return how many accepted matches were added before at least, by hand, and at most: copies are among the accepted."""
    accepted = _accepted_before(story, one)
    by_hand = {
        (other.data["snapshot"], other.data["example_id"])
        for other in story.of_kind(K.MATCH_ADDED)
        if other.number < one.number
    }
    added = _of_snapshot(story, one, by_hand)
    return None if accepted is None or added is None else [len(set(accepted).intersection(added)), len(accepted)]


def _accepted_before(story: Story, one: EntryBody) -> list[str] | None:
    decided = decisions(other for other in story.entries if other.number < one.number)
    return _of_snapshot(story, one, {example for example, accepted in decided.items() if accepted})


def _not_missed(story: Story, one: EntryBody) -> list[str]:
    return sorted(set(_ids(story, one)).difference(one.data["missed"]))


def _bound(story: Story, one: EntryBody) -> int:
    missed = set(one.data["missed"])
    return all_at_most((population, len(drawn), len(missed.intersection(drawn))) for population, drawn in _drawn(story, one))


def _added(story: Story, one: EntryBody) -> int:
    """Count the matches that were added right before: with an example that a sample missed, its copies are added."""
    if not one.data["added"]:
        return 0
    before = [other for other in reversed(story.entries) if other.number < one.number]
    accepted = list(takewhile(lambda other: other.kind == K.MATCH_ACCEPTED, before))
    return len(list(takewhile(lambda other: other.kind == K.MATCH_ADDED, before[len(accepted) :])))


SAMPLED_SEARCH = entry(K.SAMPLE_ORDERED, "search", by_sample)
LAST_SEARCH = Fact("last search before the sample", _last_searches, (f"{K.MAPPING_COMPLETED} search",))
SAMPLED_QUERIES = entry(K.SAMPLE_ORDERED, "queries", by_sample)
SEARCHED_QUERIES = _of_search(
    f"{K.MAPPING_COMPLETED} queries of its search", lambda search: search.data["queries"], f"{K.MAPPING_COMPLETED} queries"
)
SAMPLED_SNAPSHOT = Fact(f"{K.SAMPLE_ORDERED} snapshot", _snapshots, (f"{K.SAMPLE_ORDERED} snapshot",))
SEARCHED_SNAPSHOTS = _of_search(
    f"{K.MAPPING_COMPLETED} searched of its search",
    lambda search: search.data["searched"],
    f"{K.MAPPING_COMPLETED} searched",
)
SIZES = _of_drawn(f"{K.SAMPLE_DRAWN} groups, counted", _sizes, GROUPS_PLACE)
POSSIBLE_SIZES = _of_drawn(
    f"{K.SAMPLE_ORDERED} size, as far as a group has so many", _possible_sizes, f"{K.SAMPLE_ORDERED} size"
)
DRAWN_ONCE = _of_drawn(f"{K.SAMPLE_DRAWN} groups, each example once", _once, GROUPS_PLACE)
DRAWN_IN_ALL = _of_drawn(f"{K.SAMPLE_DRAWN} groups, in all", _in_all, GROUPS_PLACE)
COUNTED = _of_drawn(f"{K.SAMPLE_DRAWN} groups and known, in all", _counted, GROUPS_PLACE, f"{K.SAMPLE_DRAWN} known")
REGISTERED = _of_drawn(f"{K.CORPUS_REGISTERED} counts of its snapshot", _registered, f"{K.CORPUS_REGISTERED} counts")
DRAWN = _of_drawn(f"{K.SAMPLE_DRAWN} groups, drawn", _ids, GROUPS_PLACE)
DECIDED_BEFORE = _of_drawn("matches decided before the sample", _matches_before, *DECIDED)
KNOWN = entry(K.SAMPLE_DRAWN, "known", by_sample)
LEAST_KNOWN = _of_drawn(
    "how many matches were decided or found before the sample at least",
    _least_known,
    *DECIDED,
    *(f"{K.MAPPING_COMPLETED} {field}" for field in ("candidates", "searched", "unreadable")),
)
KNOWN_ADDED = entry(K.SAMPLE_DRAWN, "added", by_sample)
POSSIBLY_ADDED = _of_drawn(
    f"{K.MATCH_ADDED} examples that were accepted when the sample was drawn, and all accepted ones",
    _possibly_added,
    *(f"{K.MATCH_ADDED} {field}" for field in ("snapshot", "example_id")),
    *DECIDED,
)
MISSED = entry(K.SAMPLE_FINISHED, "missed", by_sample)
LOOKED_AT = _of_finished(f"{K.SAMPLE_DRAWN} groups that were looked at", _ids, GROUPS_PLACE)
NOT_MISSED = _of_finished(f"{K.SAMPLE_DRAWN} groups without {K.SAMPLE_FINISHED} missed", _not_missed, GROUPS_PLACE)
ACCEPTED = _of_finished("accepted examples as the sample was finished", _accepted_before, *DECIDED)
AT_MOST = entry(K.SAMPLE_FINISHED, "at_most", by_sample)
BOUND = _of_finished("the bound by what was drawn and missed", _bound, GROUPS_PLACE, f"{K.SAMPLE_FINISHED} missed")
ADDED = entry(K.SAMPLE_FINISHED, "added", by_sample)
ADDED_BEFORE = _of_finished(f"{K.MATCH_ADDED} right before the end of the sample", _added, f"{K.MATCH_ADDED} example_id")

SAMPLES: Final = (
    Agreement(SAMPLED_SEARCH, LAST_SEARCH, "the sample is of another search than the last that had ended"),
    Agreement(SAMPLED_QUERIES, SEARCHED_QUERIES, "the sample is about a name that its search did not look for", part_of),
    Agreement(SAMPLED_SNAPSHOT, SEARCHED_SNAPSHOTS, "the sample is from a corpus that was not searched", begins_one_of),
    Agreement(SIZES, POSSIBLE_SIZES, "other numbers of examples were drawn than were ordered"),
    Agreement(DRAWN_ONCE, DRAWN_IN_ALL, "an example was drawn twice"),
    Agreement(COUNTED, REGISTERED, "the corpus has another number of examples than were known and not found"),
    Agreement(DRAWN, DECIDED_BEFORE, "an example was drawn that had been found before", apart),
    Agreement(KNOWN, LEAST_KNOWN, "less was known than had been found or decided", at_least),
    Agreement(KNOWN_ADDED, POSSIBLY_ADDED, "another number of matches had been added by hand than the sample says", between),
    Agreement(MISSED, LOOKED_AT, "an example is called missed that was not drawn", part_of),
    Agreement(MISSED, ACCEPTED, "an example that the search had missed was not accepted", part_of),
    Agreement(NOT_MISSED, ACCEPTED, "an example was accepted, and the sample says that it is not about the person", apart),
    Agreement(AT_MOST, BOUND, "another bound follows from what was drawn and missed"),
    Agreement(ADDED, ADDED_BEFORE, "other matches were added than the sample says"),
)
"""What a sample says that a search missed."""
