"""Pages of copies and descendants: which there are of each model and corpus, and how engineers register and retire them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from compliance.accounts.access import account_of, act_required
from compliance.accounts.roles import Act
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from compliance.ui.lists import address, csv_response

from .copies import Branch, Copies
from .engine.printing import readable_json
from .lineage import lineage_document
from .models import Copy, CorpusSnapshot, ModelVersion
from .services import copies as services

READERS = act_required(Act.READ_JOBS)
ENGINEERS = act_required(Act.MANAGE_MODELS)
PAGE_METHODS = ["GET", "HEAD", "POST"]
CSV_COLUMNS = (
    *("copy", "name", "kind", "root", "parent", "place", "sha256"),
    *("discovered", "registered_at", "retired_at"),
)
ORIGINS: dict[str, type[services.Origin]] = {"version": ModelVersion, "snapshot": CorpusSnapshot, "copy": Copy}


class CopyForm(LetheForm):
    """A copy of something that there is."""

    name = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Letters, digits, hyphens and underscores. It names no person."),
        error_messages={"required": gettext_lazy("Name the copy.")},
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", gettext_lazy("Choose")), *Copy.Kind.choices],
        error_messages={"required": gettext_lazy("Choose what kind of copy it is.")},
    )
    of = forms.ChoiceField(
        label=gettext_lazy("Copy of"),
        help_text=gettext_lazy("What it was made from: a version of a model, a snapshot of a corpus, or another copy."),
        error_messages={"required": gettext_lazy("Choose what it is a copy of.")},
    )
    place = forms.CharField(
        label=gettext_lazy("Where it is"),
        max_length=services.LONGEST_PLACE,
        help_text=gettext_lazy("For staff: the licensee and the contract, the server and the folder, the shelf."),
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": gettext_lazy("Say where it is.")},
    )
    sha256 = forms.RegexField(
        "^[0-9a-f]{64}$",
        label=gettext_lazy("SHA-256 of its file"),
        required=False,
        help_text=gettext_lazy("If you know it: 64 digits from 0 to 9 and a to f."),
        error_messages={"invalid": gettext_lazy("A SHA-256 has 64 digits from 0 to 9 and a to f.")},
    )

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        versions = ModelVersion.objects.order_by("name", "-number")
        snapshots = CorpusSnapshot.objects.select_related("corpus").order_by("corpus__name", "-pk")
        copies = Copy.objects.order_by("name")
        cast("forms.ChoiceField", self.fields["of"]).choices = [
            ("", _("Choose")),
            (_("Versions of models"), [(f"version-{row.pk}", str(row)) for row in versions]),
            (_("Snapshots of corpora"), [(f"snapshot-{row.pk}", str(row)) for row in snapshots]),
            (_("Copies"), [(f"copy-{row.pk}", str(row)) for row in copies]),
        ]

    def origin(self) -> services.Origin:
        """Return what the copy is of."""
        what, _dash, key = self.cleaned_data["of"].partition("-")
        return ORIGINS[what].objects.get(pk=key)


@READERS
@require_safe
def copy_list(request: HttpRequest) -> HttpResponseBase:
    """Show the copies of each model version and snapshot as a tree."""
    copies = Copies()
    if request.GET.get("format") == "csv":
        return csv_response("copies", CSV_COLUMNS, _csv_rows(copies))
    may_change = account_of(request).may(Act.MANAGE_MODELS)
    roots: list[ModelVersion | CorpusSnapshot] = [*copies.versions(), *copies.snapshots()]
    context = {
        "trees": [
            {"caption": str(root), "rows": [_row(branch, may_change) for branch in copies.tree(root)]} for root in roots
        ],
        "columns": [
            *(_("Copy"), _("Kind"), _("Where it is"), _("Digest"), _("Registered"), _("State")),
            *([_("Action")] if may_change else []),
        ],
        "models": sorted(set(ModelVersion.objects.values_list("name", flat=True))),
        "csv_url": address(request, format="csv"),
        "may_change": may_change,
    }
    return render(request, "jobs/copy_list.html", context)


def _row(branch: Branch, may_change: bool) -> list[object]:
    copy = branch.copy
    retired = copy.retired_at is not None
    row: list[object] = [
        f"{'– ' * branch.depth}{copy.name}",
        copy.get_kind_display(),
        copy.place,
        {"text": f"{copy.sha256[:16]}…", "title": copy.sha256} if copy.sha256 else "–",
        _registered(copy),
        _retired(copy) if retired else {"tag_label": _("exists"), "tag_tone": "info"},
    ]
    if may_change:
        row.append("–" if retired else {"text": _("Retire"), "url": reverse("jobs:copy_retire", args=[copy.pk])})
    return row


def _registered(copy: Copy) -> str:
    day = date_format(timezone.localtime(copy.registered_at), "SHORT_DATETIME_FORMAT")
    if copy.discovered:
        return _("found by Lethe, %(day)s") % {"day": day}
    if copy.registered_by is None:
        return _("on the command line, %(day)s") % {"day": day}
    return _("by %(who)s, %(day)s") % {"who": copy.registered_by.username, "day": day}


def _retired(copy: Copy) -> str:
    day = date_format(timezone.localtime(copy.retired_at), "SHORT_DATETIME_FORMAT")
    who = copy.retired_by.username if copy.retired_by else _("on the command line")
    return _("retired %(day)s, %(who)s") % {"day": day, "who": who}


def _csv_rows(copies: Copies) -> Iterator[tuple[object, ...]]:
    for copy in copies.all.values():
        about = (copy.pk, copy.name, copy.kind, copy.root, copy.parent or "", copy.place, copy.sha256)
        yield (*about, copy.discovered, copy.registered_at, copy.retired_at or "")


@READERS
@require_safe
def lineage(_request: HttpRequest, name: str) -> HttpResponse:
    """Send the lineage of a model as an ML-BOM."""
    try:
        document = lineage_document(name)
    except StaleStateError as error:
        raise Http404(str(error)) from error
    response = HttpResponse(readable_json(document, indent=2), content_type="application/vnd.cyclonedx+json; version=1.6")
    response["Content-Disposition"] = f'attachment; filename="{name}.cdx.json"'
    return response


@ENGINEERS
@require_http_methods(PAGE_METHODS)
def copy_new(request: HttpRequest) -> HttpResponse:
    """Ask what and where a copy is, and register it."""
    form = CopyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("name", "kind", "place", "sha256")}
        try:
            services.copy_register(**given, of=form.origin(), by=account_of(request))
        except StaleStateError as error:
            form.add_error("name", str(error))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("jobs:copy_list")
    return render(request, "jobs/copy_new.html", {"form": form}, status=422 if form.errors else 200)


@ENGINEERS
@require_http_methods(PAGE_METHODS)
def copy_retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for confirmation, and note that a copy is gone."""
    copy, problem = get_object_or_404(Copy, pk=pk), ""
    if request.method == "POST":
        try:
            services.copy_retire(copy=copy, by=account_of(request))
        except StaleStateError as error:
            problem = str(error)
        else:
            return redirect("jobs:copy_list")
    children = copy.children.filter(retired_at=None)
    context = {"copy": copy, "children": children, "problem": problem, "can_retire": copy.retired_at is None}
    return render(request, "jobs/copy_retire.html", context, status=409 if problem else 200)
