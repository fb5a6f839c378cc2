"""Pages of corpora: their snapshots, and what each was made from. They show columns and rows by number, never content."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act

from .engine.corpora import SourceInfo
from .engine.errors import CorpusError
from .index_parts import kinds_for
from .models import Corpus, CorpusIndex, CorpusSnapshot
from .selectors import snapshot_info
from .services.indexes import indexes_build_order
from .states import JobState
from .wording import JOB_TONES

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
        "index_columns": [_("Index of"), _("State"), _("Digest")],
        "indexes": [_index_row(index) for index in snapshot.indexes.all()],
        "checked": _checked(snapshot),
        "can_build": _lacks_an_index(snapshot),
    }
    return render(request, "jobs/corpus_snapshot.html", context)


@READERS
@require_POST
def corpus_index(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the indexes built that a snapshot lacks, or that could not be built."""
    snapshot = get_object_or_404(CorpusSnapshot, pk=pk)
    try:
        ordered = indexes_build_order(snapshot=snapshot)
    except CorpusError as error:
        messages.error(request, str(error))
    else:
        text = ngettext("%(n)d index will be built.", "%(n)d indexes will be built.", ordered) % {"n": ordered}
        messages.success(request, text if ordered else _("Nothing to build: every index is there, waits or is being built."))
    return redirect("jobs:corpus_snapshot", pk)


def _index_row(index: CorpusIndex) -> list[object]:
    """Return the kind of an index, how far it is, or why it could not be built, and its digest."""
    label = str(index.get_state_display())
    if index.state == JobState.RUNNING and index.total:
        label = _("%(state)s: %(percent)d %%") % {"state": label, "percent": 100 * index.done / index.total}
    if index.state == JobState.FAILED:
        label = _index_error(index.error_code)
    tag = {"tag_label": label, "tag_tone": JOB_TONES[JobState(index.state)]}
    return [index.get_kind_display(), tag, {"text": f"{index.digest[:16]}…", "title": index.digest} if index.digest else "–"]


def _lacks_an_index(snapshot: CorpusSnapshot) -> bool:
    """Return whether there is an index to build: one that is missing, or could not be built."""
    try:
        kinds = set(kinds_for(snapshot))
    except CorpusError:
        return False
    return bool(kinds - set(snapshot.indexes.exclude(state=JobState.FAILED).values_list("kind", flat=True)))


def _checked(snapshot: CorpusSnapshot) -> str:
    if snapshot.checked_at is None:
        return _("Its files have not been checked against its digest since it was registered.")
    day = date_format(timezone.localtime(snapshot.checked_at), "DATETIME_FORMAT")
    return _("Every byte was last checked against its digest on %(day)s.") % {"day": day}


def _index_error(code: str) -> str:
    """Return why an index could not be built, and what to do."""
    reasons = {
        "no_space": _("The disk is full. Make room, then build it again."),
        "no_encoder": _("There is no encoder any more. Install it or set MEANING_ENCODER, then build it again."),
        "bad_encoder": _("The encoder could not be used. Check MEANING_ENCODER and the memory, then build it again."),
        "bad_corpus": _("The snapshot cannot be read. Restore it from a backup, then build the index again."),
        "runs_used_up": _("Its process ended several times without a result. Often the machine has too little memory."),
    }
    return reasons.get(code) or _("It could not be built (%(code)s). Ask an engineer to look at the worker's log.") % {
        "code": code
    }


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
