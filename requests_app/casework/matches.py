"""The search that leads to the matches, their pictures, and the end of their review."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from requests_app.models import ErasureRequest, Item, Match
from requests_app.pictures import picture_bytes
from requests_app.review import decision_counts
from requests_app.services.accepted import accepted_examples, items_to_correct
from requests_app.services.findings import items_to_create, review_goes_on
from requests_app.services.letters import Letter, letter_after
from requests_app.services.mapping import review_complete
from requests_app.services.outcomes import closing_outcome
from requests_app.services.permissions import approvers_left_sentence
from requests_app.services.search_orders import request_search_again
from requests_app.states import SETTLED, RequestState
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.selectors import example_png

from .requests import officers_only
from .searches import unfinished_links
from .shared import identity, request_of
from .stated import Parts, as_stated, match_parts, stated


@officers_only
@require_POST
def search_again(request: HttpRequest, reference: str) -> HttpResponse:
    """Have the training data searched again, and go back to the request."""
    try:
        request_search_again(request=request_of(reference), by=account_of(request))
        messages.success(request, _("The training data is searched again."))
    except StaleStateError as error:
        messages.warning(request, str(error))
    return redirect("casework:request_detail", reference)


@officers_only
@require_GET
def picture(request: HttpRequest, reference: str, pk: int) -> HttpResponse:  # noqa: ARG001  # a view
    """Return the image of a match."""
    match = get_object_or_404(Match.objects.select_related("snapshot__corpus"), request=request_of(reference), pk=pk)
    try:
        content = example_png(match.snapshot, match.example_id)
    except CorpusError:
        content = None
    if content is None:
        raise Http404
    return _png(content)


@officers_only
@require_GET
def work_picture(request: HttpRequest, reference: str) -> HttpResponse:  # noqa: ARG001  # a view
    """Return the small copy of the picture that the claimant handed in."""
    kept = request_of(reference).work_picture
    if not kept:
        raise Http404
    return _png(picture_bytes(kept))


def _png(content: bytes) -> HttpResponse:
    # `private`: the picture is personal data, so no shared cache may keep it.
    return HttpResponse(content, content_type="image/png", headers={"Cache-Control": "private, max-age=600"})


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def complete(request: HttpRequest, reference: str) -> HttpResponse:
    """Explain what completing the review does; POST completes it."""
    erasure_request = request_of(reference)
    if request.method == "POST":
        try:
            with as_stated(request, erasure_request, lambda: _parts_now(request_of(reference))):
                review_complete(request=erasure_request, by=account_of(request))
        except StaleStateError as error:
            return _confirm(request, request_of(reference), str(error))
        for one in unfinished_links(erasure_request):
            messages.warning(request, one["text"])
        return redirect("casework:request_detail", erasure_request.reference)
    return _confirm(request, erasure_request)


def _confirm(request: HttpRequest, erasure_request: ErasureRequest, problem: str = "") -> HttpResponse:
    items, closes = list(items_to_create(erasure_request)), closing_outcome(erasure_request)
    letter = letter_after(erasure_request, items)
    context = identity(erasure_request) | {
        **decision_counts(erasure_request),
        "items": items,
        "corrected": items_to_correct(erasure_request),
        "goes_on": review_goes_on(erasure_request) and not closes,
        "letter": letter,
        "fields": stated(_parts(erasure_request, items, letter)),
        "unfinished": unfinished_links(erasure_request),
        "approvers": approvers_left_sentence(erasure_request, account_of(request)),
        "reviewing": erasure_request.state == RequestState.REVIEW,
        "problem": problem,
        "action": reverse("casework:review_complete", args=[erasure_request.reference]),
        "cancel_url": reverse("casework:matches", args=[erasure_request.reference]),
        "label": _("Finish the review"),
    }
    return render(request, "casework/review_complete.html", context, status=409 if problem else 200)


def _parts_now(erasure_request: ErasureRequest) -> Parts:
    items = list(items_to_create(erasure_request))
    return _parts(erasure_request, items, letter_after(erasure_request, items))


def _parts(erasure_request: ErasureRequest, items: Sequence[Item], after: Letter | None) -> Parts:
    """Return what the page says that completing the review does."""
    earlier = erasure_request.items.exclude(state__in=SETTLED)
    return {
        "matches": match_parts(erasure_request.matches.all()),
        "items": [
            *([item.model_name, item.example_ids] for item in items),
            *([item.number, accepted_examples(item)] for item in earlier),
        ],
        "letter": after.text if after else "",
    }
