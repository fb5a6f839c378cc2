"""Reads about erasures in data stores: which keep a request open, and what became of them."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import ngettext

from requests_app.models import ErasureRequest, StoreErasure
from requests_app.models.stores import OVER

Stage = StoreErasure.Stage


def erasures_open(request: ErasureRequest) -> QuerySet[StoreErasure]:
    """Return the erasures in stores that keep a request open: no end of it is approved before each is over."""
    return request.store_erasures.exclude(stage__in=OVER)


def erasures_obstacle(request: ErasureRequest) -> str:
    """Return why a request cannot end because of erasures in data stores; empty if none is open."""
    count = erasures_open(request).count()
    sentence = ngettext(
        "%(n)d erasure in a data store is not settled.", "%(n)d erasures in data stores are not settled.", count
    )
    return sentence % {"n": count} if count else ""


def acted_in_stores(request: ErasureRequest) -> bool:
    """Return whether documents were deleted for a request, or may have been."""
    return request.store_erasures.filter(Q(stage=Stage.SETTLED) | Q(stage=Stage.GIVEN_UP, deleting=True)).exists()


def erasures_told(request: ErasureRequest) -> list[StoreErasure]:
    """Return the erasures that a letter tells of, as they were when the request was closed."""
    rows = request.store_erasures.filter(stage__in=OVER)
    return list(rows.filter(over_at__lte=request.closed_at) if request.closed_at else rows)
