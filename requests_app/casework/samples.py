"""What a search for a name missed, estimated from a sample: officers order it, look at it, and finish it."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from requests_app.models import MissedSample, SampledExample
from requests_app.sample_wording import (
    GROUP_WORDS,
    ahead_sentence,
    progress_sentence,
    said_sentences,
    since_sentences,
    tallies,
)
from requests_app.services.findings import search_of
from requests_app.services.permissions import approvers_left_sentence
from requests_app.services.samples import (
    SIZES,
    examples_to_add,
    sample_finish,
    sample_mark,
    sample_order,
    sampled_snapshots,
    sampling_obstacle,
)
from requests_app.states import RequestState
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id

from .cards import PAGE_SIZE, provenance, set_word
from .claim import claimed_words
from .passages import excerpt, mark_spans
from .requests import officers_only
from .searches import unfinished_links
from .shared import identity, request_of
from .stated import Parts, as_stated, stated

USUAL_SIZE = 100
SHOWN_CHARACTERS = 400
"""On each side of the beginning of a text: whoever looks sees twice as much before opening the rest."""
TONES = {
    SampledExample.Mark.OPEN: "warning",
    SampledExample.Mark.ABOUT: "success",
    SampledExample.Mark.OTHER: "neutral",
}


class SampleForm(LetheForm):
    """Where to draw from, and how many."""

    snapshot = forms.ModelChoiceField(
        label=gettext_lazy("Snapshot"),
        queryset=CorpusSnapshot.objects.none(),
        empty_label=None,
        error_messages={
            "required": gettext_lazy("Choose a snapshot."),
            "invalid_choice": gettext_lazy("Choose a snapshot that was searched."),
        },
    )
    size = forms.TypedChoiceField(
        label=gettext_lazy("How many to look at"),
        coerce=int,
        widget=forms.RadioSelect,
        initial=USUAL_SIZE,
        help_text=gettext_lazy("It cannot be changed afterwards, and all of it has to be looked at."),
        error_messages={
            "required": gettext_lazy("Choose how many to look at."),
            "invalid_choice": gettext_lazy("Choose one of the sizes."),
        },
    )

    def __init__(self, data: Any, snapshots: QuerySet[CorpusSnapshot]) -> None:
        super().__init__(data)
        cast("forms.ModelChoiceField[CorpusSnapshot]", self.fields["snapshot"]).queryset = snapshots
        sizes = [(number, ahead_sentence(number)) for number in SIZES]
        cast("forms.TypedChoiceField", self.fields["size"]).choices = sizes


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, reference: str) -> HttpResponse:
    """Say what a sample takes and gives, and order one."""
    erasure_request, problem, status = request_of(reference), "", 200
    search = search_of(erasure_request)
    snapshots = sampled_snapshots(search) if search else CorpusSnapshot.objects.none()
    form = SampleForm(request.POST if request.method == "POST" else None, snapshots)
    if form.is_bound and form.is_valid():
        try:
            sample = sample_order(request=erasure_request, **form.cleaned_data, by=account_of(request))
            return redirect("casework:sample", erasure_request.reference, sample.number)
        except StaleStateError as error:
            problem, status = str(error), 409
    elif form.is_bound:
        status = 422
    context = identity(erasure_request) | {
        "unfinished": unfinished_links(erasure_request),
        "form": form,
        "obstacle": "" if problem else sampling_obstacle(erasure_request),
        "problem": problem,
        "search": search,
    }
    return render(request, "casework/sample_new.html", context, status=status)


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def sample_detail(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Show a sample: how far it is, its examples, and what followed from it; or mark one of the examples."""
    sample = sample_of(reference, number)
    if request.method != "POST":
        return _show(request, sample)
    about = "about" in request.POST
    chosen = request.POST.get("about" if about else "other", "")
    try:
        example_pk = int(chosen) if chosen.isdecimal() else 0
        sample_mark(sample=sample, example_pk=example_pk, about=about, by=account_of(request))
    except StaleStateError as error:
        return _show(request, sample_of(reference, number), str(error))
    place = request.POST.get("after", "")  # the card to go on with, if the browser says so
    return redirect(f"{request.get_full_path()}#match-{place if place.isdecimal() else example_pk}")


@officers_only
@require_POST
def finish(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Finish a sample of which everything was looked at, as the page said."""
    sample = sample_of(reference, number)
    try:
        with as_stated(request, sample.request, lambda: _parts(sample)):
            sample_finish(sample=sample, by=account_of(request))
    except StaleStateError as error:
        return _show(request, sample_of(reference, number), str(error))
    messages.success(request, _("The sample is finished. What follows from it is on this page, and with the search."))
    return redirect("casework:sample", reference, number)


@officers_only
@never_cache
@require_safe
def live(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Answer the page's poll with the progress of the draw. When that has ended, have the whole page loaded once more."""
    progress = _progress(sample_of(reference, number))
    response = render(request, "casework/_search_live.html", {"progress": progress})
    if not progress["poll_url"]:
        response["HX-Refresh"] = "true"
    return response


def sample_of(reference: str, number: int) -> MissedSample:
    """Return the sample that the URL names, or raise Http404."""
    related = ("search", "snapshot__corpus", "ordered_by", "looked_by")
    erasure_request = request_of(reference)
    sample = get_object_or_404(MissedSample.objects.select_related(*related), request=erasure_request, number=number)
    sample.request = erasure_request
    return sample


def _show(request: HttpRequest, sample: MissedSample, problem: str = "") -> HttpResponse:
    erasure_request, groups = sample.request, tallies(sample)
    about, left = sum(one.about for one in groups), sum(one.left for one in groups)
    deciding = sample.is_drawn and not sample.is_finished and erasure_request.state != RequestState.CLOSED
    page, to_add = _page(request, sample), examples_to_add(sample)
    waits = bool(deciding and to_add and erasure_request.state != RequestState.REVIEW)
    context = identity(erasure_request) | {
        "missed_sample": sample,
        "said": said_sentences(sample),
        "since": since_sentences(sample, search_of(erasure_request)),
        "claimed": claimed_words(erasure_request),
        "groups": [{"words": GROUP_WORDS[one.group], "tally": one} for one in groups] if sample.is_drawn else [],
        "progress": {} if sample.is_final else _progress(sample),
        "deciding": deciding,
        "can_finish": deciding and not left and not waits,
        "about": about,
        "to_add": to_add,
        "not_under_review": waits,
        "approvers": approvers_left_sentence(erasure_request, account_of(request)) if deciding and about else "",
        "fields": stated(_parts(sample)),
        "page": page,
        "cards": _cards(sample, page),
        "post_url": f"{request.path}?page={page.number}",
        "problem": problem,
    }
    return render(request, "casework/sample.html", context, status=409 if problem else 200)


def _page(request: HttpRequest, sample: MissedSample) -> Page[SampledExample]:
    """Return the page that the address names, or else the one on which somebody has to go on."""
    rows = sample.examples.select_related("marked_by").order_by("pk")
    number = request.GET.get("page", "")
    if not number:
        first = rows.filter(mark=SampledExample.Mark.OPEN).first()
        number = str(1 + rows.filter(pk__lt=first.pk).count() // PAGE_SIZE if first else 1)
    return Paginator(rows, PAGE_SIZE).get_page(number)


def _cards(sample: MissedSample, page: Page[SampledExample]) -> list[dict[str, Any]]:
    rows = list(page)
    try:
        examples = examples_by_id(sample.snapshot, [row.example_id for row in rows])
    except CorpusError:
        examples = {}
    return [_card(row, examples.get(row.example_id)) for row in rows]


def _card(row: SampledExample, example: Example | None) -> dict[str, Any]:
    text = example.document if example else ""
    short = excerpt(text, [], SHOWN_CHARACTERS)
    return {
        "row": row,
        "tone": TONES[SampledExample.Mark(row.mark)],
        "group": GROUP_WORDS[row.group],
        "set": set_word(example.set) if example else "",
        "missing": example is None,
        "short": short,
        "full": mark_spans(text, []) if any(segment.cut for segment in short) else [],
        "provenance": provenance(example) if example else [],
    }


def _parts(sample: MissedSample) -> Parts:
    """Return what the page says about the examples when somebody finishes the sample."""
    return {"examples": list(sample.examples.order_by("pk").values_list("example_id", "mark"))}


def _progress(sample: MissedSample) -> dict[str, Any]:
    """Return the context of `casework/_search_live.html`."""
    poll_url = reverse("casework:sample_live", args=[sample.request.reference, sample.number])
    return {
        "label": _("Progress of the sample"),
        "stage": progress_sentence(sample),
        "percent": round(100 * sample.done / sample.total) if sample.total else 0,
        "total": sample.total,
        "numbers": "",
        "poll_url": "" if sample.is_final else poll_url,
    }
