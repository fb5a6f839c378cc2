"""A sample of what a search had not found, told into a real bundle; and one contradiction for each pair about samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compliance.formats.samples import all_at_most

from .judged_otherwise import Change, entries
from .retold import Retold

OTHER_DIGEST = "5" * 64
PART, REST, MISSED = ["e00000005", "e00000006"], ["e00000008", "e00000009"], "e00000008"
Told = dict[str, dict[str, Any]]
"""What the entries of the sample say, by the last part of their kinds."""


def told(retold: Retold) -> Told:
    """An honest sample: of all that the search had not found, two of each group are drawn, and one is about the person."""
    search = retold.first("mapping.completed")["data"]
    corpus = retold.first("corpus.registered")["data"]
    unknown = sum(corpus["counts"].values()) - search["candidates"]
    groups = [("part_of_name", 3, PART), ("rest", unknown - 3, REST)]
    return {
        "ordered": {
            "sample": 1,
            "search": 1,
            "snapshot": corpus["snapshot_sha256"][:16],
            "queries": [query for query in search["queries"] if query["kind"] == "name"],
            "size": 2,
            "seed": 7,
        },
        "drawn": {
            "sample": 1,
            "known": search["candidates"],
            "added": 0,
            "groups": [{"group": name, "population": count, "drawn": list(ids)} for name, count, ids in groups],
        },
        "finished": {"sample": 1, "missed": [], "at_most": all_at_most([(3, 2, 0), (unknown - 3, 2, 0)]), "added": 0},
    }


def write(retold: Retold, sample: Told) -> None:
    """The sample is ordered and finished before the matches are decided; an officer decides about those right behind."""
    place = next(i for i, one in enumerate(retold.entries) if one["kind"] == "match.accepted")
    officer = retold.entries[place]
    for kind, actor in (("finished", officer["actor"]), ("drawn", "system"), ("ordered", officer["actor"])):
        retold.entries.insert(place, officer | {"kind": f"sample.{kind}", "actor": actor, "data": sample[kind]})


def honest(retold: Retold) -> None:
    write(retold, told(retold))


def sampled(change: Callable[[Told], object]) -> Change:
    """A sample that says something else than `told`."""

    def apply(retold: Retold) -> None:
        sample = told(retold)
        change(sample)
        write(retold, sample)

    return entries(apply)


def after_the_matches(change: Callable[[Told, list[str]], object]) -> Change:
    """A sample that is finished when the matches have been accepted; `change` is told their ids."""

    def apply(retold: Retold) -> None:
        sample = told(retold)
        accepted = [one["example_id"] for one in retold.first("match.accepted")["data"]["examples"]]
        change(sample, accepted)
        write(retold, sample)
        finished = retold.first("sample.finished")
        retold.entries.remove(finished)
        place = max(i for i, one in enumerate(retold.entries) if one["kind"] == "match.accepted")
        retold.entries.insert(place + 1, finished | {"at": retold.entries[place]["at"]})

    return entries(apply)


def _group(sample: Told, **changes: Any) -> None:
    sample["drawn"]["groups"][1].update(changes)


def _found_before(retold: Retold) -> None:
    """An officer has decided, before the sample, about an example that is drawn."""
    honest(retold)
    accepted = retold.first("match.accepted")["data"]["examples"][0]
    rejected = {"examples": [accepted | {"example_id": REST[0]}], "how": "each", "clusters": []}
    retold.insert("mapping.completed", "match.rejected", **rejected)


def _added_before(retold: Retold) -> None:
    """An officer has added an example by hand before the sample, which says nothing about it."""
    honest(retold)
    accepted = retold.first("match.accepted")["data"]["examples"][0]
    added = accepted | {"example_id": "e00000010"}
    retold.insert("mapping.completed", "match.accepted", examples=[added], how="each", clusters=[], contents=["0" * 16])
    retold.insert("mapping.completed", "match.added", snapshot=added["snapshot"], example_id=added["example_id"])


SAMPLED: Mapping[str, Change] = {
    "sample.ordered search / last search before the sample": sampled(lambda one: one["ordered"].update(search=9)),
    "sample.ordered queries / mapping.completed queries of its search": sampled(
        lambda one: one["ordered"].update(queries=[{"kind": "name", "hmac": OTHER_DIGEST}])
    ),
    "sample.ordered snapshot / mapping.completed searched of its search": sampled(
        lambda one: one["ordered"].update(snapshot=OTHER_DIGEST[:16])
    ),
    "sample.drawn groups, counted / sample.ordered size, as far as a group has so many": sampled(
        lambda one: one["ordered"].update(size=300)
    ),
    "sample.drawn groups, each example once / sample.drawn groups, in all": sampled(lambda one: _group(one, drawn=PART)),
    "sample.drawn groups and known, in all / corpus.registered counts of its snapshot": sampled(
        lambda one: one["drawn"].update(known=one["drawn"]["known"] + 1)
    ),
    "sample.drawn groups, drawn / matches decided before the sample": entries(_found_before),
    "sample.drawn known / how many matches were decided or found before the sample at least": sampled(
        lambda one: one["drawn"].update(known=one["drawn"]["known"] - 1)
    ),
    "sample.drawn added / match.added examples that were accepted when the sample was drawn, and all accepted ones": entries(
        _added_before
    ),
    "sample.finished missed / sample.drawn groups that were looked at": sampled(
        lambda one: one["finished"].update(missed=["e00000019"])
    ),
    "sample.finished missed / accepted examples as the sample was finished": sampled(
        lambda one: one["finished"].update(missed=[MISSED])
    ),
    "sample.drawn groups without sample.finished missed / accepted examples as the sample was finished": after_the_matches(
        lambda one, accepted: _group(one, drawn=sorted([REST[0], accepted[0]]))
    ),
    "sample.finished at_most / the bound by what was drawn and missed": sampled(
        lambda one: one["finished"].update(at_most=one["finished"]["at_most"] - 1)
    ),
    "sample.finished added / match.added right before the end of the sample": sampled(
        lambda one: one["finished"].update(added=1)
    ),
}
"""By the pair's name."""
