"""The pages of the record: signed statements, entries, and the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.accounts.access import act_required
from compliance.accounts.roles import Act
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import SHORT_NAMES, UNLEARNING_REPORT
from compliance.formats.canonical import encode_base64
from compliance.formats.contracts import plain
from compliance.ui.forms import LetheForm
from compliance.ui.lists import address, csv_response, filter_context, page_of

from . import selectors
from .models import Attestation, RecordEntry

TYPES = {"unlearning-report": gettext_lazy("Report"), "release": gettext_lazy("Release")}
VERDICTS = {
    "passed": (pgettext_lazy("verdict", "passed"), "success"),
    "failed": (pgettext_lazy("verdict", "failed"), "danger"),
    "inconclusive": (pgettext_lazy("verdict", "inconclusive"), "warning"),
    "no_influence": (pgettext_lazy("verdict", "no measurable influence"), "info"),
}


class _DateFilters(LetheForm):
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=gettext_lazy("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def between(self, column: str) -> Q:
        """Return a condition for the days from `since` to `until`, both included."""
        ends = {"gte": (self.cleaned_data["since"], time.min), "lte": (self.cleaned_data["until"], time.max)}
        moments = {f"{column}__{name}": datetime.combine(*end) for name, end in ends.items() if end[0]}
        return Q(**{name: timezone.make_aware(moment) for name, moment in moments.items()})


class ReportFilters(_DateFilters):
    """Filters of the list of attestations."""

    subject = forms.CharField(label=gettext_lazy("Request"), required=False, max_length=80)
    type = forms.ChoiceField(label=gettext_lazy("Type"), required=False, choices=[("", gettext_lazy("Any")), *TYPES.items()])
    verdict = forms.ChoiceField(
        label=gettext_lazy("Verdict"),
        required=False,
        choices=[("", gettext_lazy("Any")), *((code, words[0]) for code, words in VERDICTS.items())],
    )


class EntryFilters(_DateFilters):
    """Filters of the list of entries."""

    subject = forms.CharField(
        label=gettext_lazy("Subject"),
        required=False,
        max_length=120,
        help_text=gettext_lazy("For example, request:LE-7KQ4-M2XD."),
    )
    kind = forms.CharField(
        label=gettext_lazy("Kind"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("For example, proposal or proposal.approved."),
    )


@act_required(Act.READ_REPORTS)
@require_safe
def report_list(request: HttpRequest) -> HttpResponseBase:
    """List every signed statement, newest first, whatever its verdict."""
    form = ReportFilters(request.GET)
    statements = _attestations(form)
    if request.GET.get("format") == "csv":
        header = ("signed_at", "request", "item", "attempt", "type", "method", "verdict", "sha256")
        return csv_response("reports", header, (_report_cells(signed) for signed in statements))
    page = page_of(request, statements)
    context = {
        **filter_context(request, form),
        "page": page,
        "rows": [_report_row(signed) for signed in page],
        "columns": [_("Request"), _("Item"), _("Attempt"), _("Type"), _("Method"), _("Verdict"), _("Signed")],
        "csv_url": address(request, format="csv"),
    }
    return render(request, "record/report_list.html", context)


def _attestations(form: ReportFilters) -> list[selectors.SignedStatement]:
    """Return the statements that pass the filters. The verdict is only in the signed bytes, so each envelope is read."""
    rows = Attestation.objects.order_by("-id")
    if not form.is_valid():
        return []
    filters = form.cleaned_data
    rows = rows.filter(form.between("created_at"))
    if filters["subject"]:
        rows = rows.filter(subject__icontains=filters["subject"].strip())
    if filters["type"]:
        rows = rows.filter(predicate_type__in=[name for name, short in SHORT_NAMES.items() if short == filters["type"]])
    statements = map(selectors.attestation_read, rows)
    return [signed for signed in statements if filters["verdict"] in ("", signed.verdict)]


def _report_cells(signed: selectors.SignedStatement) -> tuple[object, ...]:
    row = signed.row
    kind = SHORT_NAMES[row.predicate_type]
    return row.created_at, signed.reference, row.item, row.attempt, kind, signed.method, signed.verdict, row.sha256


def _report_row(signed: selectors.SignedStatement) -> list[object]:
    row = signed.row
    word, tone = VERDICTS.get(signed.verdict, ("", ""))
    return [
        {"text": signed.reference, "url": reverse("record:attestation", args=[row.sha256])},
        row.item,
        {"text": str(row.attempt), "numeric": True},
        TYPES[SHORT_NAMES[row.predicate_type]],
        signed.method or "–",
        {"tag_label": word, "tag_tone": tone} if word else "–",
        timezone.localtime(row.created_at).strftime("%Y-%m-%d %H:%M"),
    ]


@act_required(Act.READ_REPORTS)
@require_safe
def attestation(request: HttpRequest, sha256: str) -> HttpResponse:
    """Show one signed statement: who signed what and when, its subjects by digest, and the statement itself."""
    signed = selectors.attestation_read(get_object_or_404(Attestation, sha256=sha256))
    row = signed.row
    word, tone = VERDICTS.get(signed.verdict, ("", ""))
    context = {
        "signed": signed,
        "type": TYPES[SHORT_NAMES[row.predicate_type]],
        "verdict": word,
        "verdict_tone": tone,
        "statement": json.dumps(plain(signed.statement.predicate), indent=2, ensure_ascii=False),
        "is_report": row.predicate_type == UNLEARNING_REPORT,
    }
    return render(request, "record/attestation.html", context)


@act_required(Act.READ_REPORTS)
@require_safe
def envelope(_request: HttpRequest, sha256: str) -> HttpResponse:
    """Return the exact bytes of the DSSE envelope."""
    row = get_object_or_404(Attestation, sha256=sha256)
    name = f"{row.subject.removeprefix('request:')}-{row.item}-{row.attempt}-{SHORT_NAMES[row.predicate_type]}.dsse.json"
    return _file(bytes(row.envelope), name, "application/json")


@act_required(Act.READ_RECORD)
@require_safe
def entry_list(request: HttpRequest) -> HttpResponseBase:
    """List every entry of the record, newest first."""
    form = EntryFilters(request.GET)
    entries = _entries(form)
    if request.GET.get("format") == "csv":
        header = ("index", "subject", "number", "kind", "at", "actor", "data")
        return csv_response("entries", header, _entry_cells(entries.iterator(chunk_size=500)))
    page = page_of(request, entries, 50)
    context = {
        **filter_context(request, form),
        "page": page,
        "checkpoint": selectors.checkpoint_latest(),
        "alarm": selectors.alarm_standing(),
        "csv_url": address(request, format="csv"),
    }
    return render(request, "record/entry_list.html", context)


def _entries(form: EntryFilters) -> QuerySet[RecordEntry]:
    rows = RecordEntry.objects.select_related("leaf").order_by("-id")
    if not form.is_valid():
        return rows.none()
    rows = rows.filter(form.between("created_at"))
    if subject := form.cleaned_data["subject"].strip():
        rows = rows.filter(subject__icontains=subject)
    if kind := form.cleaned_data["kind"].strip():
        rows = rows.filter(kind__startswith=kind)
    return rows


def _entry_cells(rows: Iterable[RecordEntry]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        body = EntryBody.from_bytes(bytes(row.body))
        leaf = getattr(row, "leaf", None)  # there is none until the signing process has placed the entry
        data = json.dumps(body.data, sort_keys=True, ensure_ascii=False)
        yield (leaf.index if leaf else "", row.subject, row.number, row.kind, row.created_at, body.actor, data)


@act_required(Act.READ_RECORD)
@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one entry: its JSON, and the proof that it is in the log."""
    row = get_object_or_404(RecordEntry.objects.select_related("leaf"), pk=pk)
    body = EntryBody.from_bytes(bytes(row.body))
    context: dict[str, Any] = {
        "entry": row,
        "leaf": getattr(row, "leaf", None),
        "actor": body.actor,
        "body": json.dumps(plain(body), indent=2, ensure_ascii=False),
        "inclusion": selectors.inclusion_of(row),
    }
    return render(request, "record/entry.html", context)


@act_required(Act.READ_RECORD)
@require_safe
def entry_body(_request: HttpRequest, pk: int) -> HttpResponse:
    """Return the exact bytes that are hashed into the leaf."""
    row = get_object_or_404(RecordEntry, pk=pk)
    return _file(bytes(row.body), f"entry-{row.pk}.json", "application/json")


@act_required(Act.READ_RECORD)
@require_safe
def entry_proof(_request: HttpRequest, pk: int) -> HttpResponse:
    """Return the proof of inclusion for other tools (c2sp.org/tlog-proof)."""
    inclusion = selectors.inclusion_of(get_object_or_404(RecordEntry.objects.select_related("leaf"), pk=pk))
    if inclusion is None:
        raise Http404(_("No checkpoint covers this entry yet."))
    return _file(inclusion.text.encode(), f"entry-{pk}.json.tlog-proof", "text/plain; charset=utf-8")


@login_not_required
@never_cache
@require_safe
def checkpoint(_request: HttpRequest) -> HttpResponse:
    """Return the latest checkpoint, to anybody: whoever keeps it can tell later whether history was changed."""
    latest = selectors.checkpoint_latest()
    if latest is None:
        return HttpResponse("There is no checkpoint yet.\n", status=404, content_type="text/plain; charset=utf-8")
    return HttpResponse(latest.note, content_type="text/plain; charset=utf-8")


@login_not_required
@require_safe
def consistency(_request: HttpRequest, old: int, new: int) -> HttpResponse:
    """Return the proof that the log of `new` entries extends that of `old`, to anybody who kept the checkpoint of `old`."""
    proof = selectors.consistency_of(old, new)
    if proof is None:
        return HttpResponse("No checkpoint covers these sizes.\n", status=404, content_type="text/plain; charset=utf-8")
    return HttpResponse(proof, content_type="text/plain; charset=utf-8")


@login_not_required
@never_cache
@require_safe
def trust(_request: HttpRequest) -> HttpResponse:
    """Return the newest published trust file, to anybody, with its SHA-256 (RFC 9530) to compare with the operator's."""
    published = selectors.trust_published()
    if published is None:
        return HttpResponse("No keys have been published yet.\n", status=404, content_type="text/plain; charset=utf-8")
    response = _file(bytes(published.body), "trust.json", "application/json")
    response["Repr-Digest"] = f"sha-256=:{encode_base64(bytes.fromhex(published.sha256))}:"
    response["ETag"] = f'"{published.sha256}"'
    return response


def _file(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
