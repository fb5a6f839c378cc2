"""What an officer reviews: the matches of a request, filtered, and grouped into the clusters that are decided once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BigIntegerField, Case, Count, F, IntegerField, Max, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce

from .models import ErasureRequest, Match
from .services.accepted import LEARNED_SETS
from .services.matches import BY_MEANING

D = Match.Decision
BESIDE_ACCEPTED: Final = "beside_accepted"
"""Open matches that are near-identical to an accepted one."""
ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "copied": ("-longest", "-best", "-size"),
    "score": ("-best", "-longest", "-size"),
    "size": ("-size", "-longest", "-best"),
    "example": (),
}
"""How clusters are ranked within one set of one snapshot."""


@dataclass(frozen=True)
class Cluster:
    """Matches that are decided together; one of them, the lead, is shown."""

    number: int
    """Of the cluster; below zero, a match of its own."""
    ids: tuple[int, ...]
    """Keys of its matches, the lead first."""
    open: int
    accepted: int
    rejected: int
    by_meaning: int
    """How many of them nothing but a likeness of meaning has found."""

    @property
    def lead(self) -> int:
        return self.ids[0]

    @property
    def size(self) -> int:
        return len(self.ids)

    @property
    def to_decide(self) -> int:
        """How many a decision about the cluster is about: the open ones or, if none is open, all."""
        return self.open or self.size


def matches_filtered(erasure_request: ErasureRequest, filters: Mapping[str, Any]) -> QuerySet[Match]:
    """Return the matches that fit the filters of the review page; an empty filter lets everything through."""
    rows = erasure_request.matches.all()
    decision = filters.get("decision")
    if decision == BESIDE_ACCEPTED:
        accepted = erasure_request.matches.filter(decision=D.ACCEPTED, cluster__isnull=False)
        rows = rows.filter(decision=D.OPEN, cluster__in=accepted.values("cluster"))
    elif decision:
        rows = rows.filter(decision=decision)
    if filters.get("snapshot"):
        rows = rows.filter(snapshot=int(filters["snapshot"]))
    if filters.get("set"):
        rows = rows.filter(example_set=filters["set"])
    if filters.get("method"):
        rows = rows.filter(methods__contains=[filters["method"]])
    if filters.get("query"):
        rows = rows.filter(queries__contains=[filters["query"]])
    if filters.get("rule"):
        rows = rows.filter(because__contains=[filters["rule"]])
    if filters.get("cluster"):
        rows = rows.filter(cluster=filters["cluster"])
    if filters.get("score") is not None:
        rows = rows.filter(score__gte=filters["score"])
    return rows


def clusters_of(rows: QuerySet[Match], order: str, *, apart: bool = False) -> QuerySet[Any, Any]:
    """Return the clusters of these matches by corpus and set, sets that models learn from first, ranked by `order`.

    With `apart`, every match stands by itself.
    """
    alone = -Cast(F("id"), BigIntegerField())
    group = alone if apart else Coalesce(Cast(F("cluster"), BigIntegerField()), alone)
    learned = Case(When(example_set__in=LEARNED_SETS, then=Value(0)), default=Value(1), output_field=IntegerField())
    return (
        rows.annotate(group=group, learned=learned)
        .values("snapshot", "learned", "example_set", "group")
        .annotate(
            size=Count("id"),
            open=Count("id", filter=Q(decision=D.OPEN)),
            accepted=Count("id", filter=Q(decision=D.ACCEPTED)),
            rejected=Count("id", filter=Q(decision=D.REJECTED)),
            by_meaning=Count("id", filter=Q(methods=[BY_MEANING])),
            best=Max("score"),
            longest=Max("copied"),
            ids=ArrayAgg("id", order_by=("-copied", "-score", "id")),
        )
        .order_by("snapshot", "learned", "example_set", *ORDERS[order], "ids")
    )


def cluster_row(row: Mapping[str, Any]) -> Cluster:
    """Return a row of `clusters_of` as a cluster."""
    counts = {name: row[name] for name in ("open", "accepted", "rejected", "by_meaning")}
    return Cluster(number=row["group"], ids=tuple(row["ids"]), **counts)


def chosen_ids(rows: QuerySet[Match], tokens: Iterable[str]) -> list[int]:
    """Return the keys of the matches that buttons name: `12` is a match; `cluster-3` the open ones of a cluster, or all.

    Of a cluster, only those among `rows` are meant: the page counted them, and showed no others.
    """
    keys = [int(token) for token in tokens if token.isdecimal()]
    numbers = {int(token[8:]) for token in tokens if token.startswith("cluster-") and token[8:].isdecimal()}
    members: dict[int, dict[bool, list[int]]] = {number: {True: [], False: []} for number in numbers}
    named = rows.filter(cluster__in=numbers).order_by("pk")
    for pk, cluster, decision in named.values_list("pk", "cluster", "decision"):
        members[cluster or 0][decision == D.OPEN].append(pk)
    for own in members.values():
        keys += own[True] or own[False]
    return keys


def decision_counts(erasure_request: ErasureRequest) -> dict[str, int]:
    """Return how many matches are open, accepted and rejected, how many of the accepted no model learns from, and how many
    open ones are near-identical to an accepted one.
    """
    matches = erasure_request.matches
    counts = {decision.value: Count("id", filter=Q(decision=decision)) for decision in D}
    unlearned = Count("id", filter=Q(decision=D.ACCEPTED) & ~Q(example_set__in=LEARNED_SETS))
    beside = matches_filtered(erasure_request, {"decision": BESIDE_ACCEPTED}).count()
    return matches.aggregate(**counts, unlearned=unlearned) | {"beside_accepted": beside}
