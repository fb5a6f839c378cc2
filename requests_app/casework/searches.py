"""What was searched for a request, what could not be and why, as its pages show it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from requests_app.models import ErasureRequest, SampledExample, Search, SearchOrder
from requests_app.sample_wording import said_sentences, since_sentences, unfinished_sentence
from requests_app.search_facts import FINDS_NOTHING, finding_nothing
from requests_app.search_wording import (
    OBSTACLES,
    WHY_NOT_ASKED,
    answer_sentences,
    missing_sentences,
    queries_words,
    read_sentence,
    searched_sentences,
)
from requests_app.self_test_wording import self_test_sentences
from requests_app.services.findings import search_of
from requests_app.services.samples import ORDERED_IN, unfinished_samples
from requests_app.states import RequestState
from requests_app.wording import search_error_words
from unlearning_jobs.states import JobState
from unlearning_jobs.wording import duration

TONES = {
    Search.Target.SEARCHED: "success",
    Search.Target.TEXTS_ONLY: "warning",
    Search.Target.UNREADABLE: "danger",
}


def search_progress(erasure_request: ErasureRequest) -> dict[str, Any]:
    """Return the context of `casework/_search_live.html`: how far the search is, or why it failed; empty if none is due."""
    if erasure_request.state != RequestState.MAPPING:
        return {}
    order = erasure_request.search_orders.last()
    if order is None:
        return {}
    if order.state == JobState.FAILED:
        return {"failure": search_error_words(order.error_code, order.runs)}
    return {
        "stage": _stage(order),
        "percent": round(100 * order.done / order.total) if order.total else 0,
        "total": order.total,
        "numbers": _numbers(order),
        "poll_url": "" if order.is_final else reverse("casework:search_progress", args=[erasure_request.reference]),
    }


def _stage(order: SearchOrder) -> str:
    if order.state == JobState.QUEUED:
        return _("The search waits for a worker.") if not order.runs else _("The search waits to be begun again.")
    if order.total and order.done >= order.total:
        return _("The matches are being grouped.")
    return _("The training data is being searched.")


def _numbers(order: SearchOrder) -> str:
    """Say how much has been read, and for how long."""
    words = []
    if order.state == JobState.RUNNING and order.total:
        counts = {"done": int(order.done), "all": int(order.total)}
        read = {name: number_format(count, force_grouping=True) for name, count in counts.items()}
        words.append(_("%(done)s of %(all)s examples read") % read)
        words.append(_("%(done)d of %(all)d snapshots done") % {"done": order.snapshots_done, "all": order.snapshots})
    if order.started_at:
        words.append(_("running for %(time)s") % {"time": duration((timezone.now() - order.started_at).total_seconds())})
    if order.runs > 1:
        words.append(_("run %(n)d of at most %(most)d") % {"n": order.runs, "most": order.max_runs})
    return " · ".join(words)


def search_view(erasure_request: ErasureRequest, search: Search | None) -> dict[str, Any]:
    """Return the context of `casework/_search.html`: sentences, and every query and model version on its own."""
    if search is None and erasure_request.state in {RequestState.AWAITING_CONFIRMATION, RequestState.MAPPING}:
        return {"searched": [_("Nothing has been searched yet.")]}
    if search is None:
        return {"missing": missing_sentences(None)}
    return {
        "number": search.number,
        "at": date_format(localtime(search.finished_at), "DATETIME_FORMAT"),
        "matcher": search.matcher,
        "complete": search.complete,
        "samples": sample_rows(erasure_request),
        "sample_url": _order_url(erasure_request, search),
        "searched": searched_sentences(search),
        "missing": missing_sentences(search),
        "self_test": self_test_sentences(search),
        "answers": answer_sentences(search),
        "queries": _queries(search),
        "targets": [
            {
                **target,
                "how": read_sentence(target),
                "label": _target_label(search, target),
                "tone": TONES[Search.Target(target["outcome"])],
            }
            for target in search.targets
        ],
    }


def _target_label(search: Search, target: dict[str, Any]) -> str:
    compared = {
        answer["snapshot_sha256"] for answer in search.answers if answer["query"] == "picture" and "why" not in answer
    }
    if target["outcome"] == Search.Target.TEXTS_ONLY and target["snapshot_sha256"] in compared:
        return _("Texts, and copies of the picture")
    return str(Search.Target(target["outcome"]).label)


def _queries(search: Search) -> list[dict[str, Any]]:
    """Return every query with whether it was searched for; those for columns of rows stand with what they are about."""
    answered = {answer["query"] for answer in search.answers if "why" not in answer}
    unanswered = {answer["query"]: answer["why"] for answer in search.answers if "why" in answer}
    unanswered |= dict.fromkeys(finding_nothing(search), FINDS_NOTHING)
    rows = []
    for query in search.queries:
        why = query["obstacle"]
        if not why and query["id"] not in answered:
            why = unanswered.get(query["id"], "")
        words = OBSTACLES.get(why) or WHY_NOT_ASKED.get(why, why)
        label = _("Not searched: %(why)s") % {"why": words} if why else _("Searched")
        row = {"what": queries_words(search, [query["id"]])[0], "label": label, "tone": "warning" if why else "success"}
        if row not in rows:
            rows.append(row)
    return rows


def sample_rows(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return every sample of a request for `casework/_search.html`, unfinished and failed ones included."""
    rows = list(erasure_request.samples.select_related("search", "snapshot__corpus").order_by("-number"))
    last = search_of(erasure_request) if rows else None
    return [
        {
            "number": sample.number,
            "search": sample.search.number,
            "snapshot": str(sample.snapshot),
            "url": reverse("casework:sample", args=[erasure_request.reference, sample.number]),
            "lines": [*said_sentences(sample), *since_sentences(sample, last)],
            "tone": "warning" if sample.examples.filter(mark=SampledExample.Mark.ABOUT).exists() else "info",
        }
        for sample in rows
    ]


def unfinished_links(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the samples that nobody has finished, each with the words about it and its page."""
    return [
        {
            "title": _("Finish sample %(number)d") % {"number": sample.number},
            "text": unfinished_sentence(sample),
            "url": reverse("casework:sample", args=[erasure_request.reference, sample.number]),
        }
        for sample in unfinished_samples(erasure_request)
    ]


def _order_url(erasure_request: ErasureRequest, search: Search) -> str:
    """Return where a sample of what the search missed can be ordered; empty if it is of no name, or cannot be by now."""
    names = [query for query in search.queries if query["kind"] == "name" and not query["obstacle"]]
    ordered = names and erasure_request.state in ORDERED_IN
    return reverse("casework:sample_new", args=[erasure_request.reference]) if ordered else ""
