"""Read requests for the officers' pages and for the claimant's status page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from unlearning_jobs.states import JobState

from .mail_wording import last_mail
from .models import AccessLink, ErasureRequest, Item, Match, MissedSample
from .search_wording import missing_sentences, searched_sentences
from .services.findings import search_of
from .services.mail_reasons import DEADLINE_EXTENDED, can_withdraw
from .services.messages import token_digest
from .services.unconfirmed import unreachable
from .stages import RequestStage, request_stages
from .states import RequestState


@dataclass(frozen=True)
class RequestStatus:
    """What the claimant sees behind the status link. Holds nothing that was typed in."""

    reference: str
    kind: str
    received_on: date
    due_on: date
    extended_on: date | None
    """When we told that the answer takes longer; None if it does not."""
    state_code: str
    stages: tuple[RequestStage, ...]
    outcome: str
    can_withdraw: bool
    searched: tuple[str, ...]
    """Sentences about the last search; none before it."""
    missing: tuple[str, ...]
    """What it could not cover, and why."""
    extension_mail: str
    """What became of the e-mail that says why."""
    mail: str
    """What became of our latest e-mail; empty if there is none."""


def request_status(token: str) -> RequestStatus | None:
    """Return the status of the request behind a link; None if the link does not work, or no longer does."""
    link = AccessLink.objects.filter(
        token_sha256=token_digest(token), purpose=AccessLink.Purpose.STATUS, expires_at__gt=timezone.now()
    ).first()
    if link is None:
        return None
    request = ErasureRequest.objects.defer(*IDENTIFYING).get(pk=link.request_id)
    search, mail, extension = search_of(request), last_mail(request), last_mail(request, DEADLINE_EXTENDED)
    return RequestStatus(
        reference=request.reference,
        kind=request.kind,
        received_on=timezone.localdate(request.received_at),
        due_on=request.due_on,
        extended_on=timezone.localdate(request.extended_at) if request.extended_at else None,
        state_code="search_failed" if search_has_failed(request) else request.state,
        stages=request_stages(request),
        outcome=request.outcome,
        can_withdraw=can_withdraw(request),
        searched=tuple(searched_sentences(search)),
        missing=tuple(missing_sentences(search)) if search else (),
        extension_mail=extension.sentence if extension else "",
        mail=mail.sentence if mail else "",
    )


def search_has_failed(request: ErasureRequest) -> bool:
    """Return whether the search that a request waits for has failed, and nobody has ordered another."""
    order = request.search_orders.last() if request.state == RequestState.MAPPING else None
    return order is not None and order.state == JobState.FAILED


IDENTIFYING = (
    "name",
    "email",
    "contact",
    "other_names",
    "work_title",
    "work_text",
    "work_picture",
    "evidence_prompt",
    "evidence_output",
    "location",
    "declared_name",
    "extension_reasons",
)
"""Columns that are decrypted only where somebody looks at them."""


def requests_listed() -> QuerySet[ErasureRequest]:
    """Return requests for a list, in a constant number of queries and without decrypting anything."""
    samples = MissedSample.objects.filter(request=OuterRef("pk"), looked_at=None)
    unfinished = samples.exclude(state__in=[JobState.FAILED, JobState.CANCELLED]).order_by().values("request")
    return ErasureRequest.objects.defer(*IDENTIFYING).annotate(
        # Counted apart: beside the matches, each sample would be counted with each of them.
        unfinished_samples=Coalesce(Subquery(unfinished.annotate(n=Count("pk")).values("n")), 0),
        open_matches=Count("matches", filter=Q(matches__decision=Match.Decision.OPEN), distinct=True),
        item_states=ArrayAgg("items__state", filter=Q(items__isnull=False), distinct=True, default=[]),
        unreachable=Case(When(unreachable(), then=True), default=False),
    )


def days_left(request: ErasureRequest) -> int | None:
    """Return the days until the deadline, negative once it has passed; None if the request is closed."""
    return None if request.state == RequestState.CLOSED else (request.due_on - timezone.localdate()).days


def items_of(request: ErasureRequest) -> QuerySet[Item]:
    """Return the items of a request with everything that its page shows about them."""
    return (
        request.items.select_related("snapshot__corpus", "decided_by")
        .prefetch_related("proposals__job", "proposals__base", "proposals__proposed_by", "proposals__approved_by")
        .prefetch_related("proposals__declined_by", "proposals__released_by")
    )
