"""What interim suppression is called, and what its entries in a request's history say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.formats.record_kinds import RecordKind
from requests_app.models import Suppression

Data = Mapping[str, Any]
UNCHANGED: Final = gettext_lazy("Suppression: the weights of the model are unchanged. Nothing is erased by it.")

SUPPRESSION_TITLES: Final[Mapping[str, Any]] = {
    RecordKind.SUPPRESSION_STARTED: gettext_lazy("Interim suppression started"),
    RecordKind.SUPPRESSION_RENEWED: gettext_lazy("Interim suppression renewed"),
    RecordKind.SUPPRESSION_ENDED: gettext_lazy("Interim suppression ended"),
}


def _started(data: Data) -> str:
    return _("Suppression %(number)d: %(model)s, %(guard)s, until the end of %(day)s.") % {
        "number": data["suppression"],
        "model": data["model"],
        "guard": Suppression.Guard(data["guard"]).label,
        "day": _day(data),
    }


def _renewed(data: Data) -> str:
    return _("Suppression %(number)d: until the end of %(day)s.") % {"number": data["suppression"], "day": _day(data)}


def _ended(data: Data) -> str:
    why = Suppression.Why(data["why"]).label
    return _("Suppression %(number)d: %(why)s.") % {"number": data["suppression"], "why": why}


def _day(data: Data) -> str:
    return date_format(date.fromisoformat(data["until"]), "DATE_FORMAT")


SUPPRESSION_DETAILS: Final[Mapping[str, Callable[[Data], str]]] = {
    RecordKind.SUPPRESSION_STARTED: _started,
    RecordKind.SUPPRESSION_RENEWED: _renewed,
    RecordKind.SUPPRESSION_ENDED: _ended,
}
