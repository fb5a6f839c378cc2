"""The part of the course about interim suppression: each has a last day, and none outlives the request that it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K

from .forms import OFFICER, SYSTEM

SUPPRESSION_MOVES: Final[Mapping[str, Mapping[str, str]]] = {
    K.SUPPRESSION_STARTED: {"new": "active"},
    K.SUPPRESSION_RENEWED: {"active": "active"},
    K.SUPPRESSION_ENDED: {"active": "ended"},
}
"""By suppression: where an entry takes it, by where it was before."""
ENDED_BY: Final[Mapping[str, str]] = {"taken_back": OFFICER, "released": OFFICER, "expired": SYSTEM}
"""Who ends one, by why. A request is closed by many, and with it what was suppressed for it."""


def check_suppressions(entries: Sequence[EntryBody], states: Mapping[str, str]) -> None:
    """Check, of suppressions each of which goes its way, why and when they ended.

    Args:
        entries: of a request's history, in its order.
        states: in which state each suppression is at its end.

    Raises:
        VerificationError: one ended for a reason that the entries before do not give, has no day left, or is still active
            although the request is closed.
    """
    until: dict[int, str] = {}
    models: dict[int, str] = {}
    of_item: dict[str, str] = {}
    released: set[str] = set()
    closed = False
    for entry in entries:
        closed = closed or entry.kind == K.REQUEST_CLOSED
        if entry.kind == K.ITEM_CREATED:
            of_item[entry.data["item"]] = entry.data["model"]
        elif entry.kind == K.ITEM_RELEASED:
            released.add(of_item.get(entry.data["item"], ""))
        elif entry.kind in (K.SUPPRESSION_STARTED, K.SUPPRESSION_RENEWED):
            if entry.data["until"] < _day(entry):
                _fail(entry, "its last day is past")
            number = entry.data["suppression"]
            until[number], models[number] = entry.data["until"], entry.data.get("model", models.get(number, ""))
        elif entry.kind == K.SUPPRESSION_ENDED:
            number, why = entry.data["suppression"], entry.data["why"]
            holds = {
                "taken_back": True,
                "released": models[number] in released,
                "request_closed": closed,
                "expired": _day(entry) >= until[number],
            }
            if not holds[why]:
                _fail(entry, f"nothing before says that it was {why}")
            if entry.actor.partition(":")[0] != ENDED_BY.get(why, entry.actor.partition(":")[0]):
                _fail(entry, f"{entry.actor} does not end one because it was {why}")
    if closed and (active := sorted(name for name, state in states.items() if state == "active")):
        message = f"{active[0]}: it is still active, although the request is closed."
        raise VerificationError(message)


def _day(entry: EntryBody) -> str:
    return entry.at[:10]


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    message = (
        f"Suppression {entry.data['suppression']}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    )
    raise VerificationError(message)
