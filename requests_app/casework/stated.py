"""What a page states when it asks to confirm, as digests in a hidden field: nobody confirms what has changed since.

Every page that shows what follows from a press names it in parts, such as the matches and the letter; on the list of the
matches, each card is a part. The press brings their digests along, and is refused if one of them is another by then; the
page is shown again, and says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.formats.canonical import digest_of
from compliance.record.errors import StaleStateError
from requests_app.models import Ending, ErasureRequest, Match
from requests_app.services.letters import closing_letter
from requests_app.services.requests import request_lock

FIELD = "stated"
DIGITS = 16
Parts = Mapping[str, Any]
"""What a page states, by part: whatever JSON can hold."""
PARTS: dict[str, Any] = {
    "beside": gettext_lazy("the accepted examples beside the items"),
    "copies": gettext_lazy("the copies"),
    "end": gettext_lazy("how it ends"),
    "examples": gettext_lazy("the examples"),
    "items": gettext_lazy("the items"),
    "letter": gettext_lazy("the letter"),
    "matches": gettext_lazy("the matches"),
    "method": gettext_lazy("the method"),
    "models": gettext_lazy("the models"),
    "obstacle": gettext_lazy("what stands against it"),
    "listing": gettext_lazy("the list of documents"),
    "search": gettext_lazy("the search"),
}


def stated(parts: Parts) -> dict[str, str]:
    """Return the hidden field for a form that confirms these parts."""
    return {FIELD: " ".join(f"{name}:{digest}" for name, digest in _digests(parts).items())}


@contextmanager
def as_stated(request: HttpRequest, erasure_request: ErasureRequest, parts: Callable[[], Parts]) -> Iterator[None]:
    """Hold the request while something is confirmed, unless a part differs from what the page stated.

    Raises:
        StaleStateError: a part has changed, or the page stated none.
    """
    with transaction.atomic():
        request_lock(erasure_request.pk)
        was = dict(part.partition(":")[::2] for part in request.POST.get(FIELD, "").split())
        changed = [name for name, digest in _digests(parts()).items() if was.get(name) != digest]
        if changed:
            what = ", ".join(str(PARTS.get(name, PARTS["matches"])) for name in changed)
            message = _("Since this page was shown, something has changed: %(what)s. Nothing was done. Read it again.")
            raise StaleStateError(message % {"what": what})
        yield


def _digests(parts: Parts) -> dict[str, str]:
    return {name: digest_of(value)[:DIGITS] for name, value in sorted(parts.items())}


def ending_parts(ending: Ending) -> Parts:
    """Return what is stated about an end: how, of which examples, resting on which search, and the letter that it sends."""
    letter_text = closing_letter(ending)
    return {
        "examples": ending.item.example_ids if ending.item else [],
        "end": [str(ending.outcome), str(ending.ground), ending.reasons, dict(ending.facts)],
        "search": ending.search.number if ending.search else 0,
        "letter": letter_text.text if letter_text else "",
    }


def match_parts(rows: QuerySet[Match]) -> list[list[Any]]:
    return [list(row) for row in rows.order_by("pk").values_list("pk", "decision")]
