"""Accept or reject many matches at once: a page says how many they are and shows some of them before anything is decided."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from requests_app.models import ErasureRequest, Match
from requests_app.review import chosen_ids, matches_filtered
from requests_app.services.accepted import LEARNED_SETS
from requests_app.services.matches import How, by_meaning_alone, is_learned, matches_decide

from .cards import ACCEPTING_UNLEARNED, cards, set_word
from .requests import officers_only
from .review import MatchFilters, filters_of
from .shared import identity, request_of
from .stated import Parts, as_stated, match_parts, stated

SAMPLE = 5
ONLY_SHOWN = ("spans", "queries", "because", "reason")
"""Columns that only the matches of the sample need, of thousands that are counted."""


@officers_only
@require_POST
def matches_bulk(request: HttpRequest, reference: str) -> HttpResponse:
    """Say what a decision about many matches would do, with a random sample; decide it once that is confirmed.

    What is decided is exactly what the page counted: the confirmation names every match, and is refused if somebody has
    decided about one of them since.
    """
    erasure_request = request_of(reference)
    accept, how = request.POST.get("decide") == "accept", _how(request)
    back = _back(request, reference)
    if "ids" in request.POST:
        with_unlearned = "with_unlearned" in request.POST
        named = _named(erasure_request, request.POST["ids"], with_unlearned=with_unlearned or not accept)
        try:
            with as_stated(request, erasure_request, lambda: _parts(erasure_request, request.POST["ids"])):
                count = matches_decide(
                    request=erasure_request,
                    match_ids=named,
                    accept=accept,
                    by=account_of(request),
                    how=how,
                    with_unlearned=with_unlearned,
                )
        except StaleStateError as error:
            messages.warning(request, str(error))
            return redirect(back)
        messages.success(request, _done(count, accept=accept))
        return redirect(back)
    chosen = _chosen(request, erasure_request, how)
    if not chosen:
        messages.warning(request, _("There is nothing to decide: no open match fits."))
        return redirect(back)
    context = identity(erasure_request) | _preview(chosen, accept=accept)
    context |= {
        "fields": stated(_parts(erasure_request, context["ids"])),
        "how": how,
        "accept": accept,
        "action": request.get_full_path(),
        "cancel_url": back,
    }
    return render(request, "casework/matches_bulk.html", context)


def _how(request: HttpRequest) -> How:
    return "score" if request.POST.get("how") == "score" else "shown"


def _back(request: HttpRequest, reference: str) -> str:
    return f"{reverse('casework:matches', args=[reference])}?{request.GET.urlencode()}"


def _chosen(request: HttpRequest, erasure_request: ErasureRequest, how: How) -> list[Match]:
    """Return the open matches that are asked about; from a score upwards, among those that the filters show."""
    if how == "shown":
        shown = matches_filtered(erasure_request, filters_of(request, erasure_request))
        ids = chosen_ids(shown, request.POST.getlist("shown"))
        rows = erasure_request.matches.filter(pk__in=ids, decision=Match.Decision.OPEN)
    else:
        form = MatchFilters(request.GET, erasure_request)
        score = MatchFilters({"score": request.POST.get("score", "")}, erasure_request)
        if not form.is_valid() or not score.is_valid() or score.cleaned_data["score"] is None:
            return []
        shown = matches_filtered(erasure_request, form.cleaned_data)
        rows = shown.filter(decision=Match.Decision.OPEN, score__gte=score.cleaned_data["score"])
    return list(rows.defer(*ONLY_SHOWN).prefetch_related("snapshot__corpus").order_by("snapshot", "example_set", "pk"))


def _named(erasure_request: ErasureRequest, ids: str, *, with_unlearned: bool) -> list[int]:
    rows = _rows(erasure_request, ids)
    return list((rows if with_unlearned else rows.filter(example_set__in=LEARNED_SETS)).values_list("pk", flat=True))


def _rows(erasure_request: ErasureRequest, ids: str) -> QuerySet[Match]:
    return erasure_request.matches.filter(pk__in=[int(pk) for pk in ids.split(",") if pk.isdecimal()])


def _parts(erasure_request: ErasureRequest, ids: str) -> Parts:
    """Return what the page says is decided: these matches, undecided as they are."""
    return {"matches": match_parts(_rows(erasure_request, ids))}


def _preview(chosen: Sequence[Match], *, accept: bool) -> dict[str, Any]:
    """Return what the page says: numbers by corpus and set, what is left out, and a random sample."""
    decided = [match for match in chosen if not (accept and by_meaning_alone(match))]
    learned = [match for match in decided if not accept or is_learned(match)]
    unlearned = [] if len(learned) == len(decided) else [match for match in decided if not is_learned(match)]
    groups = Counter((str(match.snapshot), match.example_set) for match in decided)
    drawn = random.SystemRandom().sample(learned or decided, min(SAMPLE, len(learned or decided)))
    sample = Match.objects.filter(pk__in=[match.pk for match in drawn]).prefetch_related("snapshot__corpus", "decided_by")
    return {
        "ids": ",".join(str(match.pk) for match in decided),
        "count": len(learned),
        "clusters": len({match.cluster or -match.pk for match in learned}),
        "places": [
            {"snapshot": snapshot, "set": set_word(name), "count": count, "learned": name in _learned_names(learned)}
            for (snapshot, name), count in sorted(groups.items())
        ],
        "unlearned": len(unlearned),
        "accepting_unlearned": ACCEPTING_UNLEARNED,
        "by_meaning": len(chosen) - len(decided),
        "sample": list(cards(sample.order_by("snapshot", "pk"))),
    }


def _learned_names(learned: Sequence[Match]) -> set[str]:
    return {match.example_set for match in learned}


def _done(count: int, *, accept: bool) -> str:
    if accept:
        return ngettext("%(n)d match was accepted.", "%(n)d matches were accepted.", count) % {"n": count}
    return ngettext("%(n)d match was rejected.", "%(n)d matches were rejected.", count) % {"n": count}
