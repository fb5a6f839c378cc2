"""Decide about matches: one by one, as clusters, or many at once; and take the last decisions back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import examples_in_parts, records_append
from requests_app.models import ErasureRequest, Match
from requests_app.states import SETTLED, ItemState, RequestState

from .accepted import FIELDS, LEARNED_SETS, contents_fill
from .clusters import clusters_hold
from .permissions import require_mapper
from .requests import request_lock, require_request_transition

How = Literal["each", "cluster", "shown", "score"]
"""One match; a cluster; all clusters on a page; all matches from a score upwards."""
DECIDED: Final = frozenset({ItemState.RELEASED, ItemState.REFUSED})
"""States of items that two officers have decided about for good."""
BY_MEANING: Final = "meaning"
"""The method of candidates that nothing but a likeness of meaning has found."""
LABEL_DIGITS: Final = 16


@transaction.atomic
def matches_decide(
    *,
    request: ErasureRequest,
    match_ids: Iterable[int],
    accept: bool,
    by: Account,
    how: How = "each",
    with_unlearned: bool = False,
) -> int:
    """Accept or reject matches while the request is under review; return how many.

    Args:
        request: whose matches they are.
        match_ids: keys of the matches.
        accept: whether they belong to the request.
        by: who decides.
        how: one by one, or as what.
        with_unlearned: whether whoever accepts many at once was told of those that no model is trained on.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, no match is named, or one that is not the request's, or that was
            part of an item that was released, refused or has lapsed; or they may not be accepted together; or nobody noted
            what one contains, and its corpus cannot be read.
    """
    request = under_review(request, by)
    named = set(match_ids)
    rows = request.matches.filter(pk__in=named).only(*FIELDS, "spans", "methods", "cluster")
    chosen = list(rows.prefetch_related("snapshot").order_by("pk"))
    if not named or len(chosen) != len(named):
        raise StaleStateError(_("Choose matches of this request."))
    _require_not_settled(request, chosen)
    if len(chosen) > 1:
        _require_together(chosen, accept=accept, how=how, with_unlearned=with_unlearned)
    if accept:
        Match.objects.bulk_update(contents_fill(chosen), ["content", "content_key"])
    decision = Match.Decision.ACCEPTED if accept else Match.Decision.REJECTED
    # One time for all of them: what was decided together is taken back together.
    request.matches.filter(pk__in=named).update(decision=decision, decided_by=by, decided_at=timezone.now())
    decision_record(request, decision, chosen, by, how)
    return len(chosen)


@transaction.atomic
def decisions_undo(*, request: ErasureRequest, by: Account) -> int:
    """Take back what this officer decided last in this request; return how many matches are open again.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, there is nothing to take back, or some of it was released or
            refused, or has lapsed.
    """
    request = under_review(request, by)
    chosen = list(last_decided(request, by).only(*FIELDS).prefetch_related("snapshot").order_by("pk"))
    if not chosen:
        raise StaleStateError(_("You have decided nothing here that could be taken back."))
    _require_not_settled(request, chosen)
    request.matches.filter(pk__in=[match.pk for match in chosen]).update(
        decision=Match.Decision.OPEN, decided_by=None, decided_at=None
    )
    data = [{"examples": _examples(part)} for part in examples_in_parts(chosen)]
    records_append(subject=request.subject, kind=RecordKind.MATCH_REOPENED, actor=by.opaque, data=data)
    return len(chosen)


def last_decided(request: ErasureRequest, by: Account) -> QuerySet[Match]:
    """Return the matches that this officer decided together, last of all."""
    own = request.matches.filter(decided_by=by, decided_at__isnull=False)
    return own.filter(decided_at=own.order_by("-decided_at").values("decided_at")[:1])


def under_review(request: ErasureRequest, by: Account) -> ErasureRequest:
    """Lock and return the request; raise unless its review can be completed, and by this account."""
    request = request_lock(request.pk)
    require_mapper(request, by)
    require_request_transition(request, RecordKind.REVIEW_COMPLETED, RequestState.IN_PROGRESS)
    return request


def decision_record(
    request: ErasureRequest, decision: Match.Decision, chosen: Sequence[Match], by: Account, how: str = "each"
) -> None:
    """Record a decision about matches, which are named by their ids and clusters."""
    entries = []
    for part in examples_in_parts(chosen):
        clusters = sorted({match.cluster for match in part if match.cluster is not None})
        data: dict[str, Any] = {"examples": _examples(part), "how": how, "clusters": clusters}
        if decision == Match.Decision.ACCEPTED:
            data["contents"] = [content_label(match) for match in part]
        entries.append(data)
    records_append(subject=request.subject, kind=RecordKind(f"match.{decision.value}"), actor=by.opaque, data=entries)


def content_label(match: Match) -> str:
    """Return what the record calls the content of an accepted match: the same for its copies in this request."""
    return hashlib.sha256(f"{match.request.subject}\0{match.content}".encode()).hexdigest()[:LABEL_DIGITS]


def by_meaning_alone(match: Match) -> bool:
    """Return whether nothing but a likeness of meaning speaks for a match."""
    return match.methods == [BY_MEANING]


def is_learned(match: Match) -> bool:
    """Return whether models are trained on the set that a match belongs to."""
    return match.example_set in LEARNED_SETS


def _require_not_settled(request: ErasureRequest, chosen: Sequence[Match]) -> None:
    """Raise StaleStateError if one of these is decided for good; the database has the same rule (migration 0022).

    What an item has lapsed for is so no longer, once a later item of its model holds it: it can be decided again, and so can
    what then left that item.
    """
    items = list(request.items.all())
    fixed = {(item.snapshot_id, one) for item in items if item.state in DECIDED for one in item.example_ids}
    later = {(item.model_name, one) for item in items if item.state not in SETTLED for one in item.example_ids}
    lapsed = {
        (item.snapshot_id, one)
        for item in items
        if item.state == ItemState.LAPSED
        for one in item.example_ids
        if (item.model_name, one) not in later
    }
    accepted = {(row.snapshot_id, row.example_id) for row in chosen if row.decision == Match.Decision.ACCEPTED}
    if fixed.intersection((row.snapshot_id, row.example_id) for row in chosen) or lapsed & accepted:
        raise StaleStateError(
            _("What was released or refused, or has lapsed, stays as it was decided. Decide only what is open.")
        )


def _require_together(chosen: Sequence[Match], *, accept: bool, how: How, with_unlearned: bool) -> None:
    """Raise StaleStateError unless these may be decided in one go."""
    if accept and any(by_meaning_alone(match) for match in chosen):
        raise StaleStateError(_("What was found by its meaning alone is accepted one by one."))
    if accept and how in {"shown", "score"} and not with_unlearned and not all(is_learned(match) for match in chosen):
        raise StaleStateError(_("Some of these examples are in sets that no model is trained on. Say that you accept them."))
    if how in {"cluster", "shown"} and not clusters_hold(chosen):
        raise StaleStateError(_("A group of examples is no longer near-identical, or cannot be read. Decide one by one."))


def _examples(chosen: Sequence[Match]) -> list[dict[str, str]]:
    return [
        {"snapshot": match.snapshot.digest[:16], "example_id": match.example_id, "set": match.example_set}
        for match in chosen
    ]
