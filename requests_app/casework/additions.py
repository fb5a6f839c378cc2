"""Examples that the search did not find: officers name them, in a form or a file, or look for them, and add them."""

from __future__ import annotations

import re
from http.client import FOUND
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from compliance.ui.forms import LetheForm
from requests_app.finding import Finding, examples_find
from requests_app.models import ErasureRequest, Match
from requests_app.services.mapping import MOST_ADDED, matches_add
from requests_app.services.reasons import EXPLANATION_MISSING, explanation_problem
from requests_app.states import RequestState
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.wording import rule_sentence

from .cards import method_word, set_word
from .passages import excerpt
from .requests import officers_only
from .shared import identity, request_of

LARGEST_FILE: Final = 1 << 20
EXAMPLE_ID = re.compile(r"\be\d{8,}\b")
BETWEEN_IDS = re.compile(r"[\s,;]+")


class SnapshotForm(LetheForm):
    """Names a snapshot."""

    snapshot = forms.ModelChoiceField(
        label=gettext_lazy("Snapshot"),
        queryset=CorpusSnapshot.objects.select_related("corpus").order_by("-id"),
        empty_label=None,
        error_messages={"required": gettext_lazy("Choose a snapshot.")},
    )


class ReasonForm(LetheForm):
    """Says why examples belong to the request."""

    reason = forms.CharField(
        label=gettext_lazy("Why it belongs to this request"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For your colleagues. The claimant does not see it."),
        error_messages={"required": EXPLANATION_MISSING},
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        if problem := explanation_problem(reason):
            raise forms.ValidationError(problem)
        return reason


class AddForm(ReasonForm, SnapshotForm):
    """Examples named by their ids."""

    example_id = forms.CharField(
        label=gettext_lazy("Examples"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Their ids in the snapshot, such as e00000012, with blanks, commas, semicolons or line breaks between them."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("A file with ids"),
        required=False,
        help_text=gettext_lazy("A text or CSV file of at most 1 MB. Every id in it is taken, in whichever column."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        named = EXAMPLE_ID.findall(data.get("example_id", "")) + _ids_in(data.get("file"))
        typed = filter(None, BETWEEN_IDS.split(data.get("example_id", "")))
        if unknown := [word for word in typed if not EXAMPLE_ID.fullmatch(word)]:
            self.add_error("example_id", _("“%(word)s” is no id of an example.") % {"word": unknown[0][:40]})
        elif not named and not self.errors:
            self.add_error("example_id", _("Enter the id of an example, or choose a file with ids."))
        return data | {"example_ids": list(dict.fromkeys(named))}

    def clean_file(self) -> UploadedFile[bytes] | None:
        file: UploadedFile[bytes] | None = self.cleaned_data["file"]
        if file and (file.size or 0) > LARGEST_FILE:
            raise forms.ValidationError(_("The file is larger than 1 MB. Split it."))
        return file


def _ids_in(file: UploadedFile[bytes] | None) -> list[str]:
    return EXAMPLE_ID.findall(file.read().decode("utf-8", "replace")) if file else []


class FindForm(SnapshotForm):
    """What to look for in a snapshot."""

    words = forms.CharField(
        label=gettext_lazy("Look for"),
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Words or a passage, a name, an e-mail address, an account or a web address; or the value of a column, such as"
            " author=Ada Beispiel or repository=tilsk/light."
        ),
        error_messages={"required": gettext_lazy("Enter what to look for.")},
    )


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for examples that the search did not find, and accept them."""
    erasure_request = request_of(reference)
    form = AddForm(request.POST, request.FILES) if request.method == "POST" else AddForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            problem = _added(request, erasure_request, form.cleaned_data, form.cleaned_data["example_ids"])
            if not problem:
                return redirect("casework:matches", erasure_request.reference)
            form.add_error(None, problem)
            status, erasure_request = 409, request_of(reference)
    context = _context(erasure_request) | {"form": form}
    return render(request, "casework/match_add.html", context, status=status)


@officers_only
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest, reference: str) -> HttpResponse:
    """Look for examples in a snapshot, and add those that are chosen.

    What is looked for is posted: addresses of pages end up in logs.
    """
    erasure_request = request_of(reference)
    form = FindForm(request.POST if request.method == "POST" else None)
    adding = "add" in request.POST
    reason, found, status = ReasonForm(request.POST if adding else None), None, 200
    if form.is_bound and not form.is_valid():
        status = 422
    elif form.is_bound:
        status, problem = _chosen_added(request, erasure_request, form, reason) if adding else (200, "")
        if status == FOUND:
            return redirect("casework:matches", erasure_request.reference)
        if problem:
            reason.add_error(None, problem)
        found = examples_find(form.cleaned_data["snapshot"], form.cleaned_data["words"])
    erasure_request = request_of(reference)
    context = _context(erasure_request) | {
        "find_form": form,
        "form": reason if adding else form,
        "reason_form": reason,
        "found": _found(erasure_request, form.cleaned_data["snapshot"], found) if found else None,
    }
    return render(request, "casework/match_find.html", context, status=status)


def _chosen_added(
    request: HttpRequest, erasure_request: ErasureRequest, form: FindForm, reason: ReasonForm
) -> tuple[int, str]:
    """Add the chosen examples; return the status of the answer, and what is wrong if that is not said in the form."""
    chosen = request.POST.getlist("example")
    if not chosen:
        return 422, _("Choose the examples to add.")
    if not reason.is_valid():
        return 422, ""
    data = {"snapshot": form.cleaned_data["snapshot"], "reason": reason.cleaned_data["reason"]}
    problem = _added(request, erasure_request, data, chosen)
    return (409, problem) if problem else (FOUND, "")


def _context(erasure_request: ErasureRequest) -> dict[str, Any]:
    return identity(erasure_request) | {"reviewing": erasure_request.state == RequestState.REVIEW}


def _added(request: HttpRequest, erasure_request: ErasureRequest, data: dict[str, Any], ids: list[str]) -> str:
    """Add the examples; return why they could not be, or nothing."""
    try:
        added = matches_add(
            request=erasure_request,
            snapshot=data["snapshot"],
            example_ids=ids[: MOST_ADDED + 1],
            reason=data["reason"],
            by=account_of(request),
        )
    except StaleStateError as error:
        return str(error)
    count = len(added)
    messages.success(request, ngettext("%(n)d example was added.", "%(n)d examples were added.", count) % {"n": count})
    return ""


def _found(erasure_request: ErasureRequest, snapshot: CorpusSnapshot, found: Finding) -> dict[str, Any]:
    """Return what was found, for the page; what is among the matches already cannot be chosen."""
    known = set(Match.objects.filter(request=erasure_request, snapshot=snapshot).values_list("example_id", flat=True))
    return {
        "obstacle": found.obstacle,
        "left_out": found.left_out,
        "read": found.read,
        "all": found.all,
        "more": found.more,
        "examples": [
            {
                "id": one.example.id,
                "set": set_word(one.example.set),
                "by": method_word(one.method),
                "because": [rule_sentence(code) for code in one.because],
                "segments": excerpt(one.example.document, one.spans),
                "known": one.example.id in known,
            }
            for one in found.examples
        ],
    }
