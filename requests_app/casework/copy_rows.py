"""The copies that a request waits for, as its pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from requests_app.copies_wording import settled_words
from requests_app.models import ErasureRequest
from requests_app.services.copies_due import DueCopy, copies_due
from requests_app.services.copy_settlements import settlement_obstacle
from requests_app.states import RequestState


def copy_facts(due: DueCopy) -> list[dict[str, Any]]:
    """Return what is known of a copy, as rows of a summary."""
    copy = due.copy
    rows: list[dict[str, Any]] = [
        {"key": _("Kind"), "value": copy.get_kind_display()},
        {"key": _("Copy of"), "value": str(copy.parent or copy.root)},
        {"key": _("Where it is"), "value": copy.place, "typed": True},
    ]
    if copy.parent:
        rows.append({"key": _("Comes from"), "value": str(copy.root)})
    if copy.sha256:
        rows.append({"key": _("Digest"), "value": copy.sha256})
    if copy.retired_at:
        rows.append({"key": _("Retired"), "value": _("An engineer says that it is gone. Settle it all the same.")})
    return rows


def copy_rows(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the copies that a request has to settle, with what has become of each, for its page."""
    return [
        {
            "copy": due.copy,
            "url": reverse("casework:copy", args=[erasure_request.reference, due.copy.pk]),
            "words": _standing(due),
            "tone": "success" if due.is_settled else "warning",
            "waits": not due.is_settled,
            "can_settle": not settlement_obstacle(due),
        }
        for due in copies_due(erasure_request)
    ]


def _standing(due: DueCopy) -> str:
    if due.settlement is None:
        return _("not settled")
    words = settled_words(due.settlement.how, due.settlement.ground, due.settlement.until)
    return words if due.is_settled else _("its last day is past")


def copies_task(erasure_request: ErasureRequest, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entry of the to-do list about copies that wait; none without any.

    Args:
        erasure_request: whose list it is.
        rows: its copies (`copy_rows`).
    """
    waiting = [row for row in rows if row["waits"]]
    if not waiting:
        return []
    title = ngettext("Settle %(n)d copy", "Settle %(n)d copies", len(waiting)) % {"n": len(waiting)}
    hint = _("The request is completed once every copy is erased, exempt or beyond use.")
    if erasure_request.state == RequestState.CLOSED:
        hint = _("They came after the request was closed, or were beyond use for long enough. The request stays closed.")
    task = {"title": title, "label": pgettext("task", "to do"), "tone": "warning", "hint": hint}
    return [task | {"url": waiting[0]["url"]}]
