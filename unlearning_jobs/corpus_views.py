"""Pages of corpora: their snapshots, and what each was made from. They show columns and rows by number, never content."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act

from .engine.corpora import SourceInfo
from .engine.errors import CorpusError
from .models import Corpus, CorpusSnapshot
from .selectors import snapshot_info

READERS = act_required(Act.READ_JOBS)
SKIPPED = {
    "empty": gettext_lazy("nothing in any column"),
    "elsewhere": gettext_lazy("nothing in the columns that have a role, but something in others"),
    "incomplete": gettext_lazy("nothing in one of the columns that have a role"),
    "unlabelled": gettext_lazy("no label"),
    "unanswered": gettext_lazy("nobody answers in the conversation"),
    "broken": gettext_lazy("cannot be read"),
}
"""Why a row is not in the corpus, by the engine's codes."""


@READERS
@require_safe
def corpus_list(request: HttpRequest) -> HttpResponse:
    """Show every corpus with its snapshots: their sizes, their digests, and how much of them was erased."""
    corpora = Corpus.objects.prefetch_related("snapshots__erased_examples").order_by("name")
    return render(request, "jobs/corpus_list.html", {"corpora": corpora})


@READERS
@require_safe
def corpus_snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a snapshot was made from: files, the roles of columns, sets, and rows that were skipped."""
    snapshot = get_object_or_404(CorpusSnapshot.objects.select_related("corpus"), pk=pk)
    try:
        sources, problem = snapshot_info(snapshot).sources, ""
    except CorpusError as error:
        sources, problem = (), str(error)
    context = {
        "snapshot": snapshot,
        "sources": [(source, _facts(source), _skipped_rows(source)) for source in sources],
        "skipped_columns": [_("Reason"), {"label": _("Rows"), "numeric": True}, _("The first of them")],
        "problem": problem,
    }
    return render(request, "jobs/corpus_snapshot.html", context)


def _facts(source: SourceInfo) -> list[dict[str, Any]]:
    sets = [
        f"{found or '–'} → {', '.join(f'{name}: {count}' for name, count in counts.items())}"
        for found, counts in source.sets.items()
    ]
    rows: list[dict[str, Any]] = [
        {"key": _("Format"), "value": source.kind},
        {"key": _("Files"), "value": str(source.files)},
        {"key": _("Bytes"), "value": str(source.bytes)},
        {"key": _("SHA-256 of their list"), "value": source.sha256},
        {"key": _("Read as"), "value": source.shape},
        {"key": _("Roles of columns"), "lines": [f"{role}: {' + '.join(named)}" for role, named in source.roles.items()]},
        {"key": _("Kept as metadata"), "value": ", ".join(source.metadata)},
        {"key": _("Rows"), "value": str(source.rows)},
        {"key": _("Examples by set"), "lines": sets},
    ]
    if source.ignored:
        rows.append({"key": _("Columns left out"), "value": ", ".join(source.ignored)})
    if source.aside:
        rows.append({"key": _("Files left aside"), "value": str(source.aside)})
    return rows


def _skipped_rows(source: SourceInfo) -> list[list[object]]:
    return [
        [SKIPPED[skipped.reason], {"text": str(skipped.count), "numeric": True}, "; ".join(skipped.places)]
        for skipped in source.skipped
    ]
