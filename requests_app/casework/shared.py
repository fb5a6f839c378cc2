"""Shared by the pages about a request: look up the rows named in the URL, and fill the identity bar."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from requests_app.models import Ending, ErasureRequest, Item, Proposal
from requests_app.references import reference_normalise
from requests_app.selectors import days_left
from requests_app.states import ItemState, RequestState
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.origins import origin_sentences
from unlearning_jobs.states import ModelState

REQUEST_TONES = {
    RequestState.AWAITING_CONFIRMATION: "neutral",
    RequestState.MAPPING: "info",
    RequestState.REVIEW: "warning",
    RequestState.CLOSING: "warning",
    RequestState.IN_PROGRESS: "info",
    RequestState.CLOSED: "success",
}
ITEM_TONES = {
    ItemState.DECIDING: "warning",
    ItemState.GRANTED: "warning",
    ItemState.AWAITING_APPROVAL: "warning",
    ItemState.RUNNING: "info",
    ItemState.AWAITING_RELEASE: "warning",
    ItemState.RELEASED: "success",
    ItemState.ENDING: "warning",
    ItemState.REFUSED: "neutral",
    ItemState.LAPSED: "neutral",
}
SOON = 7
"""A deadline is highlighted from this many days before it."""


def request_of(reference: str) -> ErasureRequest:
    """Return the request with this reference, however it is spaced. Raises Http404 if there is none."""
    normal = reference_normalise(reference)
    if normal is None:
        raise Http404(_("There is no request with this reference."))
    return get_object_or_404(ErasureRequest.objects.select_related("submitted_by", "reviewed_by"), reference=normal)


def item_of(reference: str, number: int) -> Item:
    """Return the item that the URL names, or raise Http404."""
    return get_object_or_404(
        Item.objects.select_related("request", "snapshot"), request=request_of(reference), number=number
    )


def proposal_of(reference: str, number: int, attempt: int) -> Proposal:
    """Return the proposal that the URL names, or raise Http404."""
    related = (
        "item__request",
        "item__snapshot",
        "base__recipe",
        "job",
        "proposed_by",
        "approved_by",
        "declined_by",
        "released_by",
    )
    return get_object_or_404(Proposal.objects.select_related(*related), item=item_of(reference, number), number=attempt)


def ending_of(reference: str, number: int) -> Ending:
    """Return the ending that the URL names, or raise Http404."""
    related = ("item__snapshot", "search", "proposed_by", "approved_by", "declined_by")
    erasure_request = request_of(reference)
    ending = get_object_or_404(Ending.objects.select_related(*related), request=erasure_request, number=number)
    ending.request = erasure_request
    if ending.item:
        ending.item.request = erasure_request
    return ending


def identity(erasure_request: ErasureRequest) -> dict[str, Any]:
    """Return the context of `casework/_identity.html`: reference, state and days left."""
    word, tone = deadline_words(erasure_request)
    return {
        "erasure_request": erasure_request,
        "state_tone": REQUEST_TONES[RequestState(erasure_request.state)],
        "deadline": word,
        "deadline_tone": tone,
    }


def origins_of(item: Item) -> list[str]:
    """Return where the model of an item comes from: the version that the last attempt is about, or the one in use."""
    attempt = item.proposals.select_related("base__recipe__checkpoint").order_by("number").last()
    in_use = ModelVersion.objects.select_related("recipe__checkpoint").filter(state=ModelState.ACTIVE)
    version = attempt.base if attempt else in_use.filter(name=item.model_name).first()
    return origin_sentences(version) if version else []


def deadline_words(erasure_request: ErasureRequest) -> tuple[str, str]:
    """Return how long is left, and the tone of its tag; without a tone it is plain text."""
    days = days_left(erasure_request)
    if days is None:
        return "–", ""
    if days < 0:
        return ngettext("%(n)d day overdue", "%(n)d days overdue", -days) % {"n": -days}, "danger"
    words = ngettext("%(n)d day left", "%(n)d days left", days) % {"n": days}
    return (_("due today") if days == 0 else words), "warning" if days <= SOON else ""
