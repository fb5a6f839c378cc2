"""End interim suppression, whatever ends it, and have the gateway told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import record_append
from requests_app.models import ErasureRequest, Suppression
from requests_app.states import SETTLED
from unlearning_jobs.queue import enqueue_on_commit

POLICY_TASK: Final = "requests_app.gateway_policy_write"


def active_of(request: ErasureRequest) -> QuerySet[Suppression]:
    """Return what is suppressed for a request now."""
    return request.suppressions.filter(ended_at=None)


def suppressions_end_with_release(*, request: ErasureRequest, model_name: str, actor: str) -> None:
    """End what was suppressed in a model that is released for a request now, unless it has more to unlearn for it.

    The caller holds the request.
    """
    if request.items.filter(model_name=model_name).exclude(state__in=SETTLED).exists():
        return
    suppressions_end(active_of(request).filter(model_name=model_name), Suppression.Why.RELEASED, actor)


def suppressions_end_with_request(*, request: ErasureRequest, actor: str) -> None:
    """End what was suppressed for a request that is closed now. The caller holds the request."""
    suppressions_end(active_of(request), Suppression.Why.REQUEST_CLOSED, actor)


def suppressions_end(rows: Iterable[Suppression], why: Suppression.Why, actor: str) -> None:
    """End these, which are active, and forget what they kept back. The caller holds their request."""
    for row in rows:
        row.ended_at, row.why, row.artefact = timezone.now(), why, ""
        row.save(update_fields=["ended_at", "why", "artefact"])
        data = {"suppression": row.number, "why": why.value}
        record_append(subject=row.request.subject, kind=RecordKind.SUPPRESSION_ENDED, actor=actor, data=data)
        gateway_tell()


def gateway_tell() -> None:
    """Have a worker write the policy that gateways read, as it is once this transaction has committed."""
    enqueue_on_commit(POLICY_TASK, queue="default")
