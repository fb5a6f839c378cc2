"""What was searched for a request, what could not be and why, as its pages show it."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from requests_app.models import ErasureRequest, Search
from requests_app.states import RequestState
from requests_app.wording import OBSTACLES, missing_sentences, query_words, searched_sentences

TONES = {
    Search.Target.SEARCHED: "success",
    Search.Target.TEXTS_ONLY: "warning",
    Search.Target.UNREADABLE: "danger",
}


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
        "searched": searched_sentences(search),
        "missing": missing_sentences(search),
        "queries": [
            {
                "what": query_words(query["id"]),
                "label": _("Not searched: %(why)s") % {"why": OBSTACLES.get(query["obstacle"], query["obstacle"])}
                if query["obstacle"]
                else _("Searched"),
                "tone": "warning" if query["obstacle"] else "success",
            }
            for query in search.queries
        ],
        "targets": [
            {
                **target,
                "label": Search.Target(target["outcome"]).label,
                "tone": TONES[Search.Target(target["outcome"])],
            }
            for target in search.targets
        ],
    }
