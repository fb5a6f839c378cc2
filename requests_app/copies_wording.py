"""What became of copies, in words: of letters, and of the entries in a request's history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.formats.record_kinds import RecordKind
from requests_app.models import CopySettlement
from requests_app.states import Ground

Data = Mapping[str, Any]
How = CopySettlement.How


def copies_sentences(settlements: Iterable[CopySettlement]) -> list[str]:
    """Return what a letter says of copies: how many are erased, exempt on which ground, and beyond use until when.

    It says nothing where there were none.
    """
    counted = Counter((row.how, row.ground, row.until) for row in settlements)
    if not counted:
        return []
    there_were = ngettext(
        "Elsewhere, there was %(n)d copy of the versions before, or of the data that they learned from.",
        "Elsewhere, there were %(n)d copies of the versions before, or of the data that they learned from.",
        counted.total(),
    )
    sentences = [there_were % {"n": counted.total()}]
    if erased := counted.get((How.ERASED, "", None), 0):
        sentence = ngettext(
            "%(n)d copy was erased, or what we agreed to remove was removed from it.",
            "%(n)d copies were erased, or what we agreed to remove was removed from them.",
            erased,
        )
        sentences.append(sentence % {"n": erased})
    for ground in Ground:
        if exempt := counted.get((How.EXEMPT, ground.value, None), 0):
            sentence = ngettext(
                "%(n)d copy stays as it is, on this ground: %(ground)s.",
                "%(n)d copies stay as they are, on this ground: %(ground)s.",
                exempt,
            )
            sentences.append(sentence % {"n": exempt, "ground": ground.label})
    for day in sorted(until for how, _ground, until in counted if how == How.BEYOND_USE and until):
        kept = counted[How.BEYOND_USE, "", day]
        sentence = ngettext(
            "%(n)d copy is not erased. It was put where nobody uses it, until the end of %(day)s; then we have to look at it"
            " again.",
            "%(n)d copies are not erased. They were put where nobody uses them, until the end of %(day)s; then we have to"
            " look at them again.",
            kept,
        )
        sentences.append(sentence % {"n": kept, "day": date_format(day, "DATE_FORMAT")})
    return sentences


def settled_words(how: str, ground: str, until: date | None) -> str:
    """Return what became of a copy: “Beyond use until 1 March 2027”, “Exempt: Art. 17(3)(e): legal claims”."""
    if how == How.EXEMPT:
        return _("Exempt: %(ground)s") % {"ground": Ground(ground).label}
    if until:
        return _("Beyond use until %(day)s") % {"day": date_format(until, "DATE_FORMAT")}
    return str(How(how).label)


def _settled(data: Data) -> str:
    until = date.fromisoformat(data["until"]) if data["until"] else None
    words = settled_words(data["how"], data["ground"], until)
    return _("Copy %(number)d: %(words)s.") % {"number": data["copy"], "words": words}


COPY_TITLES: Final[Mapping[str, Any]] = {RecordKind.COPY_SETTLED: gettext_lazy("Copy settled")}
COPY_DETAILS: Final[Mapping[str, Callable[[Data], str]]] = {RecordKind.COPY_SETTLED: _settled}
