"""The public page that verifies an uploaded bundle and shows every step. It keeps nothing.

The keys that count are those that this installation has published, or those in a trust file that the visitor uploads: never
those that the bundle itself names, because anybody can make a bundle that verifies with its own keys.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
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
from compliance.evidence.trust import TrustFile
from compliance.evidence.verification import Verification
from compliance.formats.canonical import sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.ui.forms import LetheForm

from .selectors import trust_published
from .uploads import MAX_UPLOAD, MEBIBYTE, UploadRefusedError, unpack
from .verifying import BusyError, TooCostlyError, verify_within_limits
from .views import TYPES, VERDICTS

MAX_TRUST = MEBIBYTE
TOO_LARGE = gettext_lazy("The file is larger than %(size)d MiB. Verify the bundle offline, as described below.")


@dataclass(frozen=True)
class KeysUsed:
    """The trust file whose keys count."""

    trust: bytes
    uploaded: bool
    """The visitor brought it; otherwise it is the one that this installation has published."""

    @property
    def sha256(self) -> str:
        return sha256_hex(self.trust)


class VerifyForm(LetheForm):
    """A bundle, and the keys to verify it with."""

    bundle = forms.FileField(
        label=gettext_lazy("Bundle"),
        help_text=gettext_lazy("The zip file, exactly as you downloaded it."),
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
            "Leave this empty to verify with the keys that this installation has published. Add a file to verify with the"
            " keys in that file instead."
        ),
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )

    def clean_trust(self) -> KeysUsed:
        uploaded: UploadedFile[bytes] | None = self.cleaned_data["trust"]
        if uploaded and (uploaded.size or 0) > MAX_TRUST:
            raise forms.ValidationError(_("A trust file is never larger than 1 MiB. Choose another file."))
        if uploaded:
            return KeysUsed(uploaded.read(), uploaded=True)
        published = trust_published()
        if published is None:
            raise forms.ValidationError(
                _("This installation has not published its keys yet. Choose the trust file to verify with.")
            )
        return KeysUsed(bytes(published.body), uploaded=False)


# CSRF protection reads the whole body. It comes second, in `_verify`, so that a huge upload is refused unread.
@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Verify an uploaded bundle and show every step."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_UPLOAD + MAX_TRUST:
        problem = {"problem": TOO_LARGE % {"size": MAX_UPLOAD // MEBIBYTE}, "page_has_errors": True}
        return render(request, "record/verify.html", _page(VerifyForm()) | problem, status=413)
    return _verify(request)


@csrf_protect
def _verify(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "record/verify.html", _page(VerifyForm()))
    # 1. Check the form.
    form = VerifyForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "record/verify.html", _page(form), status=422)
    # 2. Unpack and verify in a folder that is removed afterwards.
    with tempfile.TemporaryDirectory(prefix="verify-") as temporary:
        bundle, trust_file = Path(temporary) / "bundle", Path(temporary) / "trust.json"
        bundle.mkdir()
        keys = form.cleaned_data["trust"]
        trust_file.write_bytes(keys.trust)
        try:
            root = unpack(form.cleaned_data["bundle"].file, bundle)
            verification = verify_within_limits(root, trust_file)
        except (UploadRefusedError, TooCostlyError, BusyError) as error:
            form.add_error("bundle", _refusal(error))
            status = 503 if isinstance(error, BusyError) else 422
            return render(request, "record/verify.html", _page(form), status=status)
        # 3. Say who signed what, but only if every signature was verified.
        statements = _signed(root, keys.trust) if verification.passed else []
    context = _page(VerifyForm()) | {
        "verification": verification,
        "steps": _steps(verification),
        "signed": statements,
        "keys": keys,
        "file_name": form.cleaned_data["bundle"].name,
    }
    return render(request, "record/verify.html", context)


def _refusal(error: Exception) -> str:
    if isinstance(error, BusyError):
        return _("Another bundle is being verified just now. Try again in a minute.")
    if isinstance(error, TooCostlyError):
        return _("Verifying this bundle takes more time than this page allows. Verify it offline, as described below.")
    return str(error)


def _page(form: VerifyForm) -> dict[str, Any]:
    return {"form": form, "origin": settings.LOG_ORIGIN, "published": trust_published()}


def _steps(verification: Verification) -> list[dict[str, Any]]:
    tags = {
        "passed": (pgettext("step", "passed"), "success"),
        "failed": (pgettext("step", "failed"), "danger"),
        "not checked": (pgettext("step", "not checked"), "neutral"),
    }
    return [
        {
            "number": step.number,
            "title": _(step.title),
            "reason": step.reason,
            "word": tags[step.status][0],
            "tone": tags[step.status][1],
        }
        for step in verification.steps
    ]


def _signed(root: Path, trust: bytes) -> list[dict[str, Any]]:
    """Return a row for each attestation of a verified bundle, in the order of the record, with the keys that signed it.

    What an envelope itself says about its keys is not signed, so it is not shown.
    """
    keys, folder = TrustFile.from_hand(trust), BundleFolder.open(root)
    bodies = [proven.entry for proven in folder.record()]
    entries = {body.data["envelope_sha256"]: body for body in bodies if body.kind == RecordKind.ATTESTATION_SIGNED}
    rows = []
    for name in sorted(folder.attestations, key=_index):
        envelope = dsse.Envelope.from_bytes(folder.read(name))
        body, signers = dsse.verify(envelope, [key.public_key for key in keys.with_role("attestation")])
        predicate = Statement.from_bytes(body).predicate
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
                "at": entries[folder.sha256(name)].moment,
                "keys": sorted(signers),
            }
        )
    return rows


def _index(name: str) -> int:
    """Return the record index in the name of an attestation's file: 17 for `attestations/17-release.dsse.json`."""
    return int(Path(name).name.partition("-")[0])
