"""What the claimant asked, decrypted for the officer who works on the case."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from requests_app.models import ErasureRequest

SHOWN = 280
"""Characters of a long text that stand on the page before “Show all”."""


def claim_rows(case: ErasureRequest) -> list[dict[str, Any]]:
    """Rows for `components/summary_list.html`; what was left empty is left out."""
    rows: list[dict[str, Any]] = [
        {"key": _("Kind"), "value": case.get_kind_display()},
        {"key": _("Name"), "value": case.name, "typed": True},
        {"key": _("Other names and accounts"), "lines": case.other_names.splitlines()},
        {"key": _("Asked by"), "value": _("somebody else on the person’s behalf") if case.on_behalf else ""},
        {"key": _("Contact"), "value": case.contact, "typed": True},
        {"key": _("E-mail address"), "value": case.email, "typed": True},
        {"key": _("Title of the work"), "value": case.work_title, "typed": True},
        _long(_("Text of the work"), case.work_text),
        _long(_("What the model was asked"), case.evidence_prompt),
        _long(_("What the model answered"), case.evidence_output),
        {"key": _("Where it was found"), "value": case.location, "typed": True},
        {"key": _("Declared by"), "value": case.declared_name, "typed": True},
        {"key": _("Language"), "value": dict(settings.LANGUAGES).get(case.language, case.language)},
        {"key": _("Received"), "value": date_format(localtime(case.received_at), "DATETIME_FORMAT")},
        {"key": _("Answer by"), "value": date_format(case.due_on, "DATE_FORMAT")},
        {"key": _("Opened by"), "value": case.submitted_by.username if case.submitted_by else ""},
    ]
    return [row for row in rows if row.get("value") or row.get("lines")]


def _long(key: str, text: str) -> dict[str, Any]:
    short = Truncator(text).chars(SHOWN)
    return {"key": key, "value": short, "typed": True, "full": text if short != text else ""}
