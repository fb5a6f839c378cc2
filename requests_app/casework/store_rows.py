"""The erasures in data stores of a request, as its pages show them."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from requests_app.models import ErasureRequest, StoreErasure
from requests_app.stores_wording import VERDICT_TONES, Verdict

Stage = StoreErasure.Stage
TO_DO: Final[dict[str, Any]] = {
    Stage.LISTED: gettext_lazy("Approve the list of %(title)s, or give it up"),
    Stage.ENDED: gettext_lazy("Accept the result of %(title)s"),
}


def title_of(row: StoreErasure) -> str:
    return _("Erasure %(number)d: %(store)s") % {"number": row.number, "store": row.store.name}


def standing(row: StoreErasure) -> tuple[str, str]:
    """Return how far an erasure is, in words, and the tone of that."""
    if row.has_failed:
        return _("Failed"), "danger"
    if row.verdict and row.stage in (Stage.ENDED, Stage.SETTLED):
        words = f"{row.get_stage_display()}: {row.get_verdict_display()}"
        return words, VERDICT_TONES[Verdict(row.verdict)]
    return str(row.get_stage_display()), "neutral" if row.is_over else "warning"


def erasure_rows(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the erasures of a request for its page."""
    rows = []
    for row in erasure_request.store_erasures.select_related("store"):
        words, tone = standing(row)
        url = reverse("casework:store_erasure", args=[erasure_request.reference, row.number])
        rows.append({"row": row, "title": title_of(row), "url": url, "words": words, "tone": tone})
    return rows


def erasures_tasks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what waits for an officer, for the to-do list: a list, a result, or what failed (`erasure_rows`)."""
    tasks = []
    for one in rows:
        row = one["row"]
        failed = _("%(title)s failed: have it tried again, or give it up") if row.has_failed else ""
        words = failed or TO_DO.get(row.stage)
        if words and not row.is_over:
            title = str(words) % {"title": one["title"]}
            tasks.append({"title": title, "url": one["url"], "label": pgettext("task", "to do"), "tone": "warning"})
    return tasks
