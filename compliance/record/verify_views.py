"""Verification for anybody: a bundle goes in, every numbered step comes out. Nothing is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from compliance.evidence import dsse
from compliance.evidence.bundle import BundleFolder
from compliance.evidence.statements import SHORT_NAMES, Statement, UnlearningReport
from compliance.evidence.verification import Verification, verify_bundle
from compliance.formats.record_kinds import RecordKind
from compliance.ui.forms import LetheForm

from .uploads import MAX_UPLOAD, MEBIBYTE, UploadRefusedError, unpack
from .views import TYPES, VERDICTS

MAX_TRUST = MEBIBYTE
TOO_LARGE = gettext_lazy("The file is larger than %(size)d MiB. Verify such a bundle offline, as described below.")


class VerifyForm(LetheForm):
    """A bundle, and the keys to verify it with."""

    bundle = forms.FileField(
        label=gettext_lazy("Bundle"),
        help_text=gettext_lazy("The zip file, as it was downloaded."),
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
        error_messages={
            "required": gettext_lazy("Choose the zip file of a bundle."),
            "empty": gettext_lazy("The file is empty. Choose the zip file of a bundle."),
        },
    )
    trust = forms.FileField(
        label=gettext_lazy("Trust file"),
        required=False,
        help_text=gettext_lazy(
            "If you have the operator's keys from the operator directly. Without it the bundle's own are used, which shows"
            " that nothing was changed, but not whose keys they are."
        ),
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )

    def clean_trust(self) -> UploadedFile[bytes] | None:
        trust: UploadedFile[bytes] | None = self.cleaned_data["trust"]
        if trust and (trust.size or 0) > MAX_TRUST:
            raise forms.ValidationError(_("A trust file is never larger than 1 MiB. Choose another file."))
        return trust


# The form's protection reads the whole body, so the size is looked at before it: a huge upload is never taken in.
@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Takes a zipped bundle and shows each step of its verification."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_UPLOAD + MAX_TRUST:
        problem = {"problem": TOO_LARGE % {"size": MAX_UPLOAD // MEBIBYTE}, "page_has_errors": True}
        return render(request, "record/verify.html", _page(VerifyForm()) | problem, status=413)
    return _verify(request)


@csrf_protect
def _verify(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "record/verify.html", _page(VerifyForm()))
    form = VerifyForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "record/verify.html", _page(form), status=422)
    with tempfile.TemporaryDirectory(prefix="verify-") as temporary:
        try:
            root = unpack(form.cleaned_data["bundle"].file, Path(temporary))
        except UploadRefusedError as error:
            form.add_error("bundle", str(error))
            return render(request, "record/verify.html", _page(form), status=422)
        trust = form.cleaned_data["trust"]
        verification = verify_bundle(root, trust.read() if trust else None)
        found = _signed(root) if verification.passed else []
    context = _page(VerifyForm()) | {
        "verification": verification,
        "steps": _steps(verification),
        "signed": found,
        "own_trust": trust is not None,
        "file_name": form.cleaned_data["bundle"].name,
    }
    return render(request, "record/verify.html", context)


def _page(form: VerifyForm) -> dict[str, Any]:
    return {"form": form, "origin": settings.LOG_ORIGIN}


def _steps(verification: Verification) -> list[dict[str, Any]]:
    words = {
        "passed": (pgettext("step", "passed"), "success"),
        "failed": (pgettext("step", "failed"), "danger"),
        "not checked": (pgettext("step", "not checked"), "neutral"),
    }
    return [
        {"number": s.number, "title": _(s.title), "reason": s.reason, "word": words[s.status][0], "tone": words[s.status][1]}
        for s in verification.steps
    ]


def _signed(root: Path) -> list[dict[str, Any]]:
    """What a verified bundle's attestations say, in the order of the record."""
    folder = BundleFolder.open(root)
    times = {
        p.entry.data["envelope_sha256"]: p.entry for p in folder.record() if p.entry.kind == RecordKind.ATTESTATION_SIGNED
    }
    rows = []
    for name in sorted(folder.attestations, key=lambda n: int(n.split("/")[1].split("-")[0])):
        predicate = Statement.from_bytes((envelope := dsse.Envelope.from_bytes(folder.read(name))).body).predicate
        report = predicate if isinstance(predicate, UnlearningReport) else None
        word, tone = VERDICTS[report.verdict.outcome] if report else ("", "")
        rows.append(
            {
                "type": TYPES[SHORT_NAMES[predicate.predicate_type]],
                "item": predicate.item,
                "attempt": predicate.attempt,
                "method": report.method.name if report else "",
                "verdict": word,
                "tone": tone,
                "at": times[folder.sha256(name)].moment,
                "keys": [signature.keyid for signature in envelope.signatures],
            }
        )
    return rows
