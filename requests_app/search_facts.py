"""What a stored search says: what was looked for where, and what was asked for and not looked for. All from its row.

The record, the sentences that people read, and whether a search counts as complete all follow from this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from unlearning_jobs.engine.matching.self_test import AS_WRITTEN
from unlearning_jobs.index_parts import ANSWERED_BY
from unlearning_jobs.index_search import NOTHING_OF_THE_KIND

from .models import Search
from .services.queries import is_needed

FINDS_NOTHING = "finds_nothing"
"""The search was given the query, and found not one copy of it as it was written."""


@dataclass(frozen=True)
class Gap:
    """Something that was asked for and not looked for."""

    query: str
    """Its id."""
    kind: str
    why: str
    snapshots: int = 0
    """In how many snapshots; 0 where it could be looked for in none, whatever they hold."""


def looked_for(search: Search, target: Mapping[str, Any]) -> set[str]:
    """Return the ids of the queries that were looked for in the training data of one target."""
    if target["outcome"] == Search.Target.UNREADABLE:
        return set()
    texts = {query["id"] for query in search.queries if not query["obstacle"] and query["kind"] not in ANSWERED_BY}
    texts -= finding_nothing(search)
    return texts | {answer["query"] for answer in answered(search) if answer["snapshot_sha256"] == target["snapshot_sha256"]}


def looked_for_anywhere(search: Search) -> set[str]:
    """Return the ids of the queries that were looked for in any training data."""
    return {query for target in search.targets for query in looked_for(search, target)}


def finding_nothing(search: Search) -> set[str]:
    """Return the ids of the queries of which the self-test found no copy as they were written: nothing was looked for."""
    return {one["query"] for one in search.self_test if one["edit"] == AS_WRITTEN and one["planted"] and not one["found"]}


def answered(search: Search) -> list[dict[str, Any]]:
    """Return the answers by meaning and about pictures, without those that only say why there is none."""
    return [answer for answer in search.answers if "why" not in answer]


def gaps(search: Search) -> list[Gap]:
    """Return what was asked for and not looked for, whether or not the search is complete without it.

    That there is nothing of the kind is worth saying only of what was looked for nowhere: no picture has to be looked for
    in texts.
    """
    anywhere = looked_for_anywhere(search)
    return _gaps(search, lambda answer: answer["query"] not in anywhere)


def needed_gaps(search: Search) -> list[Gap]:
    """Return the gaps with which a search is not complete.

    That there is nothing of the kind is one where nothing else that the request is about was looked for either: nobody may
    say of such training data that they were searched.
    """
    searched = {one["snapshot_sha256"]: any(map(is_needed, looked_for(search, one))) for one in search.targets}
    return [gap for gap in _gaps(search, lambda answer: not searched[answer["snapshot_sha256"]]) if is_needed(gap.query)]


def _gaps(search: Search, nothing_counts: Callable[[Mapping[str, Any]], bool]) -> list[Gap]:
    """Return the gaps; `nothing_counts` says whether an answer that there is nothing of the kind is one."""
    found = [Gap(query["id"], query["kind"], query["obstacle"]) for query in search.queries if query["obstacle"]]
    kinds = {query["id"]: query["kind"] for query in search.queries}
    found += [Gap(query, kinds[query], FINDS_NOTHING) for query in kinds if query in finding_nothing(search)]
    places = [
        (answer["query"], answer["why"])
        for answer in search.answers
        if "why" in answer and (answer["why"] not in NOTHING_OF_THE_KIND or nothing_counts(answer))
    ]
    return found + [Gap(query, kinds[query], why, places.count((query, why))) for query, why in dict.fromkeys(places)]


def is_complete(search: Search) -> bool:
    """Return whether all training data in use were searched to the end for all that the request is about."""
    whole = all(one["outcome"] == Search.Target.SEARCHED and not one.get("unsearched") for one in search.targets)
    return bool(search.targets) and whole and not needed_gaps(search)
