"""Erasures in data stores, in words: of letters, of pages, and of the entries in a request's history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.formats.record_kinds import RecordKind
from requests_app.models import StoreErasure
from requests_app.states import Ground

from .wording import RUNS_USED_UP

Data = Mapping[str, Any]
Stage, Verdict = StoreErasure.Stage, StoreErasure.Verdict

VERDICT_TONES: Final = {Verdict.PASSED: "success", Verdict.FAILED: "danger", Verdict.INCONCLUSIVE: "warning"}
HOW_WORDS: Final[Mapping[str, Any]] = {
    "key": gettext_lazy("by its key"),
    "text": gettext_lazy("by what it says"),
    "meaning": gettext_lazy("by its meaning"),
    "lineage": gettext_lazy("made from a found one"),
    "copy": gettext_lazy("a copy or part of a found one"),
}
ERRORS: Final[Mapping[str, Any]] = {
    "names_everything": gettext_lazy("What is looked for names more than half of the documents. Nothing was deleted."),
    "changed": gettext_lazy(
        "The store has changed since the list was made. Give this up, and order it again: the list is then made anew."
    ),
    "read_only": gettext_lazy("The store is read-only. An engineer has to make it writable."),
    "locked": gettext_lazy("Another process has the store open. It has to be stopped first."),
    "wrong_path": gettext_lazy("The store, a cache or a model is not where it was registered."),
    "not_installed": gettext_lazy("The library of this kind of store is not installed where the workers are."),
    RUNS_USED_UP: gettext_lazy("The worker stopped again and again."),
}


def error_words(code: str) -> str:
    """Return why a worker could not go on."""
    return str(ERRORS.get(code, _("It could not be done (%(code)s).") % {"code": code}))


def store_sentences(erasures: Iterable[StoreErasure]) -> list[str]:
    """Return what a letter says of data stores: what was deleted, and what the reading back found. Without any, nothing.

    It never says that something is gone everywhere: a store was read, and no back-up, copy or model.
    """
    told = sorted(erasures, key=lambda row: row.number)
    sentences = [_told(row) for row in told]
    if any(row.stage == Stage.SETTLED or row.deleting for row in told):
        sentences.append(
            _("What we say of a data store is about that store alone. It says nothing about models, back-ups and copies.")
        )
    return sentences


def _told(row: StoreErasure) -> str:
    if row.stage == Stage.NOTHING:
        return _("We searched a data store, and found no document in it that belongs to your request.")
    if row.stage == Stage.GIVEN_UP:
        if not row.deleting:
            return _("We searched a data store, and deleted nothing from it.")
        sentence = ngettext(
            "We began to delete %(n)d document from a data store and could not finish. It may still be there.",
            "We began to delete %(n)d documents from a data store and could not finish. Some may still be there.",
            row.documents,
        )
        return sentence % {"n": row.documents}
    if row.verdict == Verdict.FAILED:
        sentence = ngettext(
            "We tried to delete %(n)d document from a data store. The check afterwards failed: something of it may still be"
            " there, or something else in the store has changed.",
            "We tried to delete %(n)d documents from a data store. The check afterwards failed: something of them may still"
            " be there, or something else in the store has changed.",
            row.documents,
        )
        return sentence % {"n": row.documents}
    deleted = ngettext(
        "We deleted %(n)d document from a data store.", "We deleted %(n)d documents from a data store.", row.documents
    )
    return f"{deleted % {'n': row.documents}} {_read_back(row)}"


def _read_back(row: StoreErasure) -> str:
    if row.verdict == Verdict.PASSED:
        sentence = ngettext(
            "Then we read back %(n)d place of it, and found nothing of what was deleted.",
            "Then we read back %(n)d places of it, and found nothing of what was deleted.",
            row.places,
        )
    else:
        sentence = ngettext(
            "Then we read back %(n)d place of it: whether something of what was deleted is left could not be told.",
            "Then we read back %(n)d places of it: whether something of what was deleted is left could not be told.",
            row.places,
        )
    return sentence % {"n": row.places}


def result_words(row: StoreErasure) -> str:
    """Return what the result of an erasure says, for officers."""
    sentence = ngettext(
        "%(documents)d documents on the list, %(n)d place read back: %(found)s",
        "%(documents)d documents on the list, %(n)d places read back: %(found)s",
        row.places,
    )
    found = {
        Verdict.PASSED: _("nothing found."),
        Verdict.FAILED: _(
            "the check failed: something is left, or something else in the store has changed. It can be tried again, or"
            " accepted as it is."
        ),
        Verdict.INCONCLUSIVE: _(
            "it could not be told whether something is left. It can be tried again, or accepted as it is."
        ),
    }
    return sentence % {"documents": row.documents, "n": row.places, "found": found[Verdict(row.verdict)]}


def _numbered(data: Data, words: str) -> str:
    return _("Erasure %(number)d: %(words)s") % {"number": data["store_erasure"], "words": words}


def _ordered(data: Data) -> str:
    return _numbered(data, f"{data['store']}. {Ground(data['ground']).label}.")


def _listed(data: Data) -> str:
    words = _("%(documents)d of %(of)d documents.") % {"documents": data["documents"], "of": data["of"]}
    return _numbered(data, words)


def _failed(data: Data) -> str:
    return _numbered(data, error_words(data["error"]))


def _approved(data: Data) -> str:
    return _numbered(data, ngettext("%(n)d document.", "%(n)d documents.", data["documents"]) % {"n": data["documents"]})


def _ended(data: Data) -> str:
    words = str(Stage.NOTHING.label) if data["verdict"] == "nothing" else str(Verdict(data["verdict"]).label)
    return _numbered(data, f"{words}.")


def _given_up(data: Data) -> str:
    begun, not_begun = _("Some documents may have been deleted."), _("Nothing was deleted.")
    return _numbered(data, begun if data["deleting"] else not_begun)


def _settled(data: Data) -> str:
    return _numbered(data, f"{Verdict(data['verdict']).label}.")


STORE_TITLES: Final[Mapping[str, Any]] = {
    RecordKind.STORE_ERASURE_ORDERED: gettext_lazy("Erasure in a data store ordered"),
    RecordKind.STORE_ERASURE_LISTED: gettext_lazy("Documents of a data store listed"),
    RecordKind.STORE_ERASURE_FAILED: gettext_lazy("Erasure in a data store failed"),
    RecordKind.STORE_ERASURE_APPROVED: gettext_lazy("Erasure in a data store approved"),
    RecordKind.STORE_ERASURE_RESUMED: gettext_lazy("Erasure in a data store tried again"),
    RecordKind.STORE_ERASURE_ENDED: gettext_lazy("Erasure in a data store ended"),
    RecordKind.STORE_ERASURE_GIVEN_UP: gettext_lazy("Erasure in a data store given up"),
    RecordKind.STORE_ERASURE_SETTLED: gettext_lazy("Result of an erasure in a data store accepted"),
}
STORE_DETAILS: Final[Mapping[str, Callable[[Data], str]]] = {
    RecordKind.STORE_ERASURE_ORDERED: _ordered,
    RecordKind.STORE_ERASURE_LISTED: _listed,
    RecordKind.STORE_ERASURE_FAILED: _failed,
    RecordKind.STORE_ERASURE_APPROVED: _approved,
    RecordKind.STORE_ERASURE_RESUMED: lambda data: _numbered(data, _("what was approved stays approved.")),
    RecordKind.STORE_ERASURE_ENDED: _ended,
    RecordKind.STORE_ERASURE_GIVEN_UP: _given_up,
    RecordKind.STORE_ERASURE_SETTLED: _settled,
}
