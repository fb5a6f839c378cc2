"""The part of the course about data stores: what was approved is what was listed, by another than who ordered it; who
approved it did not accept the result; and no request was closed before each erasure was over, unless it was withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.stores import NOTHING

from .words import GROUNDS

FOUND_NOTHING: Final = f"{K.STORE_ERASURE_ENDED}, nothing found"
STORE_MOVES: Final[Mapping[str, Mapping[str, str]]] = {
    K.STORE_ERASURE_ORDERED: {"new": "being searched"},
    K.STORE_ERASURE_LISTED: {"being searched": "listed"},
    K.STORE_ERASURE_FAILED: {"being searched": "not searched", "approved": "not erased"},
    FOUND_NOTHING: {"being searched": "over"},
    K.STORE_ERASURE_APPROVED: {"listed": "approved"},
    K.STORE_ERASURE_RESUMED: {"not searched": "being searched", "not erased": "approved", "ended": "approved"},
    K.STORE_ERASURE_ENDED: {"approved": "ended"},
    K.STORE_ERASURE_GIVEN_UP: dict.fromkeys(("being searched", "not searched", "listed", "approved", "not erased"), "over"),
    K.STORE_ERASURE_SETTLED: {"ended": "over"},
}
"""By erasure: where an entry takes it, by where it was before."""
AFTER_A_WITHDRAWAL: Final = (
    *(K.STORE_ERASURE_FAILED, K.STORE_ERASURE_RESUMED, K.STORE_ERASURE_ENDED),
    *(K.STORE_ERASURE_GIVEN_UP, K.STORE_ERASURE_SETTLED),
)
"""What may follow when the request is closed: the rest of what had begun."""
WITH_WHAT_HAS_BEGUN: Final = frozenset({"withdrawn", "unconfirmed"})
"""Outcomes of requests with which what has begun to delete ends by itself, later."""
ENDS: Final = frozenset({FOUND_NOTHING, K.STORE_ERASURE_GIVEN_UP, K.STORE_ERASURE_SETTLED})
"""What nothing follows of an erasure."""
SAYS_AGAIN: Final[Mapping[str, Mapping[str, str]]] = {
    K.STORE_ERASURE_APPROVED: {"documents": K.STORE_ERASURE_LISTED, "listing_sha256": K.STORE_ERASURE_LISTED},
    K.STORE_ERASURE_ENDED: {"documents": K.STORE_ERASURE_LISTED},
    K.STORE_ERASURE_SETTLED: {"verdict": K.STORE_ERASURE_ENDED},
}
"""Fields in which an entry says the same as the last entry of another kind about the same erasure."""


def store_variant(entry: EntryBody) -> str:
    """Return what an entry's move is called."""
    nothing = entry.kind == K.STORE_ERASURE_ENDED and entry.data.get("verdict") == NOTHING
    return FOUND_NOTHING if nothing else entry.kind


def check_stores(entries: Sequence[EntryBody]) -> None:
    """Check, of erasures each of which goes its way (`STORE_MOVES`), who acted, and that the entries say the same.

    Raises:
        VerificationError: another list was approved than was made, or a verdict accepted than came; somebody acted who may
            not; a result passed without a place; or the request was closed before an erasure was over.
    """
    submitted = next((entry for entry in entries if entry.kind == K.REQUEST_SUBMITTED), None)
    said: dict[int, dict[str, EntryBody]] = {}
    over: dict[int, bool] = {}
    deleted = False
    for entry in entries:
        if entry.kind == K.REQUEST_CLOSED:
            _check_closed(entry, over, deleted=deleted)
        if "store_erasure" not in entry.data:
            continue
        number, before = entry.data["store_erasure"], said.setdefault(entry.data["store_erasure"], {})
        _check_same(entry, before)
        if check := CHECKS.get(entry.kind):
            check(entry, before, submitted.data if submitted else {})
        over[number] = store_variant(entry) in ENDS
        deleted = deleted or entry.kind == K.STORE_ERASURE_SETTLED or bool(entry.data.get("deleting"))
        before[entry.kind] = entry


def _check_same(entry: EntryBody, before: Mapping[str, EntryBody]) -> None:
    if store_variant(entry) == FOUND_NOTHING:
        return
    for field, kind in SAYS_AGAIN.get(entry.kind, {}).items():
        if kind in before and before[kind].data[field] != entry.data[field]:
            _fail(entry, f"its {field} is another than that of {kind} before")


def _check_ordered(entry: EntryBody, _before: Mapping[str, EntryBody], submitted: Mapping[str, Any]) -> None:
    if entry.data["ground"] not in GROUNDS.get((submitted.get("kind", ""), True), frozenset()):
        _fail(entry, f"{str(entry.data['ground'])[:40]!a} is no ground for it")


def _check_listed(entry: EntryBody, _before: Mapping[str, EntryBody], _submitted: Mapping[str, Any]) -> None:
    if entry.data["documents"] > entry.data["of"]:
        _fail(entry, "it lists more documents than there are")


def _check_approved(entry: EntryBody, before: Mapping[str, EntryBody], submitted: Mapping[str, Any]) -> None:
    if K.STORE_ERASURE_ORDERED in before and entry.actor == before[K.STORE_ERASURE_ORDERED].actor:
        _fail(entry, f"{entry.actor} ordered it")
    if entry.actor == submitted.get("submitted_by"):
        _fail(entry, f"{entry.actor} submitted the request")


def _check_ended(entry: EntryBody, _before: Mapping[str, EntryBody], _submitted: Mapping[str, Any]) -> None:
    verdict, result = entry.data["verdict"], entry.data["result_sha256"]
    if (verdict == NOTHING) == bool(result) or (verdict == NOTHING and (entry.data["documents"] or entry.data["places"])):
        _fail(entry, "what was found and what the result says do not fit")
    if verdict == "passed" and not entry.data["places"]:
        _fail(entry, "nothing was read back, and nothing can have passed")


def _check_not_by_approver(entry: EntryBody, before: Mapping[str, EntryBody], _submitted: Mapping[str, Any]) -> None:
    approved = before.get(K.STORE_ERASURE_APPROVED)
    if entry.data.get("deleting") and approved is None:
        _fail(entry, "nothing can have been deleted that nobody approved")
    about_deleted = entry.kind == K.STORE_ERASURE_SETTLED or entry.data["deleting"]
    if about_deleted and approved is not None and entry.actor == approved.actor:
        _fail(entry, f"{entry.actor} approved it")


Check = Callable[[EntryBody, Mapping[str, EntryBody], Mapping[str, Any]], None]
CHECKS: Final[Mapping[str, Check]] = {
    K.STORE_ERASURE_ORDERED: _check_ordered,
    K.STORE_ERASURE_LISTED: _check_listed,
    K.STORE_ERASURE_APPROVED: _check_approved,
    K.STORE_ERASURE_ENDED: _check_ended,
    **dict.fromkeys((K.STORE_ERASURE_GIVEN_UP, K.STORE_ERASURE_SETTLED), _check_not_by_approver),
}


def _check_closed(entry: EntryBody, over: Mapping[int, bool], *, deleted: bool) -> None:
    left = sorted(number for number, ended in over.items() if not ended)
    problem = ""
    if left and entry.data["outcome"] not in WITH_WHAT_HAS_BEGUN:
        problem = f"of {len(over)} erasures in data stores, {len(left)} are not over, erasure {left[0]} among them"
    if entry.data["outcome"] == "in_stores" and not deleted:
        problem = "no erasure in a data store before deleted anything"
    if problem:
        message = f"The request: entry number {entry.number} ({entry.kind}) cannot come then: {problem}."
        raise VerificationError(message)


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    name = f"Store erasure {entry.data['store_erasure']}"
    message = f"{name}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    raise VerificationError(message)
