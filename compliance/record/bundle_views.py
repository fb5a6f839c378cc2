"""The pages of a request's evidence bundle: seal it, wait for the checkpoint, download it as a zip file."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

from django.db.models import Max
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from compliance.accounts.access import account_of, act_required
from compliance.accounts.roles import Act
from compliance.evidence.record import REQUEST_PREFIX
from compliance.formats.record_kinds import RecordKind

from .bundles import BundleNotReadyError, bundle_ready, bundle_seal, bundle_write
from .models import Attestation, RecordEntry


@act_required(Act.READ_BUNDLES)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def bundle(request: HttpRequest, reference: str) -> HttpResponse:
    """Show what the bundle will contain. POST seals the history as it is now."""
    subject = _subject(reference)
    if request.method != "POST":
        return render(request, "record/bundle.html", _state(reference, subject))
    try:
        bundle_seal(subject=subject, actor=account_of(request).opaque)
    except BundleNotReadyError as error:
        return render(request, "record/bundle.html", _state(reference, subject) | {"problem": str(error)}, status=409)
    return redirect("record:bundle", reference)


@act_required(Act.READ_BUNDLES)
@never_cache
@require_safe
def progress(request: HttpRequest, reference: str) -> HttpResponse:
    """Return the waiting part of the page, which polls this view. Once the bundle is ready, reload the whole page."""
    context = _state(reference, _subject(reference))
    response = render(request, "record/_bundle_wait.html", context)
    if not context["waiting"]:
        response["HX-Refresh"] = "true"
    return response


@act_required(Act.READ_BUNDLES)
@require_safe
def download(_request: HttpRequest, reference: str) -> HttpResponseBase:
    """Return the bundle as a zip file with one folder, named after the request."""
    subject = _subject(reference)
    if not bundle_ready(subject):
        raise Http404(_("The bundle is not ready. Open its page and seal it."))
    # On disk, because a bundle may be larger than memory.
    zipped = tempfile.TemporaryFile()  # noqa: SIM115  # FileResponse closes it when it has been sent
    with tempfile.TemporaryDirectory(prefix="bundle-") as temporary:
        folder = Path(temporary) / reference
        bundle_write(subject, folder)
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder.parent))
    zipped.seek(0)
    return FileResponse(zipped, as_attachment=True, filename=f"{reference}.zip", content_type="application/zip")


def _subject(reference: str) -> str:
    subject = REQUEST_PREFIX + reference
    if not RecordEntry.objects.filter(subject=subject).exists():
        raise Http404(_("The record contains nothing about this request."))
    return subject


def _state(reference: str, subject: str) -> dict[str, Any]:
    entries = RecordEntry.objects.filter(subject=subject)
    seal = entries.filter(kind=RecordKind.RECORD_SEALED).aggregate(last=Max("number"))["last"] or 0
    last = entries.aggregate(last=Max("number"))["last"]
    ready = bundle_ready(subject)
    return {
        "reference": reference,
        "entries": last,
        "attestations": Attestation.objects.filter(subject=subject).count(),
        "ready": ready,
        "waiting": seal == last and not ready,
        "grown": bool(seal) and seal != last,
        "poll_url": reverse("record:bundle_progress", args=[reference]),
    }
