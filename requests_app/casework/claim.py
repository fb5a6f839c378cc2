"""What the claimant asked for, decrypted for the officer who works on the request."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from requests_app.models import ErasureRequest

SHOWN = 280
"""Number of characters of a long text that are shown before “Show all”."""


def claim_rows(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the rows for `components/summary_list.html`, without empty ones."""
    rows: list[dict[str, Any]] = [
        {"key": _("Kind"), "value": erasure_request.get_kind_display()},
        {"key": _("Name"), "value": erasure_request.name, "typed": True},
        {"key": _("Other names and accounts"), "lines": erasure_request.other_names.splitlines()},
        {"key": _("Submitted by"), "value": _("someone acting on their behalf") if erasure_request.on_behalf else ""},
        {"key": _("Contact"), "value": erasure_request.contact, "typed": True},
        {"key": _("E-mail address"), "value": erasure_request.email, "typed": True},
        {"key": _("Title of the work"), "value": erasure_request.work_title, "typed": True},
        _long(_("Text of the work"), erasure_request.work_text),
        *_picture(erasure_request),
        _long(_("What the model was asked"), erasure_request.evidence_prompt),
        _long(_("What the model answered"), erasure_request.evidence_output),
        {"key": _("Where it was seen"), "value": erasure_request.location, "typed": True},
        {"key": _("Declared by"), "value": erasure_request.declared_name, "typed": True},
        {"key": _("Language"), "value": dict(settings.LANGUAGES).get(erasure_request.language, erasure_request.language)},
        {"key": _("Received"), "value": date_format(localtime(erasure_request.received_at), "DATETIME_FORMAT")},
        {"key": _("Answer by"), "value": date_format(erasure_request.due_on, "DATE_FORMAT")},
        {"key": _("Answer extended by"), "value": _extended(erasure_request)},
        {"key": _("Why it takes longer"), "value": erasure_request.extension_reasons, "typed": True},
        {"key": _("Opened by"), "value": erasure_request.submitted_by.username if erasure_request.submitted_by else ""},
    ]
    return [row for row in rows if row.get("value") or row.get("lines")]


def _extended(erasure_request: ErasureRequest) -> str:
    by, at = erasure_request.extended_by, erasure_request.extended_at
    return f"{by.username}, {date_format(localtime(at), 'DATETIME_FORMAT')}" if by and at else ""


def claimed_words(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return the words that the search looked for, for `components/summary_list.html`: the claimant's own."""
    rows: list[dict[str, Any]] = [
        {"key": _("Title of the work"), "value": erasure_request.work_title, "typed": True},
        _long(_("Text of the work"), erasure_request.work_text),
        *_picture(erasure_request),
        {"key": _("Name"), "value": erasure_request.name, "typed": True},
        {"key": _("Other names and accounts"), "lines": erasure_request.other_names.splitlines()},
        {"key": _("E-mail address"), "value": "" if erasure_request.on_behalf else erasure_request.email, "typed": True},
        _long(_("What the model was asked"), erasure_request.evidence_prompt),
        _long(_("What the model answered"), erasure_request.evidence_output),
        {"key": _("Where it was seen"), "value": erasure_request.location, "typed": True},
    ]
    return [row for row in rows if row.get("value") or row.get("lines")]


def _picture(erasure_request: ErasureRequest) -> list[dict[str, Any]]:
    """Return a row with the picture that was handed in, if there is one."""
    if not erasure_request.work_picture:
        return []
    address = reverse("casework:work_picture", args=[erasure_request.reference])
    return [{"key": _("Picture of the work"), "value": _("The picture of the work, as a small copy"), "image": address}]


def _long(key: str, text: str) -> dict[str, Any]:
    short = Truncator(text).chars(SHOWN)
    return {"key": key, "value": short, "typed": True, "full": text if short != text else ""}
