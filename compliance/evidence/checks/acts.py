"""Which entries one act writes: they stand right behind one another, and name the same actor.

A service writes all that it does to a request in one transaction, and nobody else writes about that request meanwhile. So
whoever leaves out an entry of an act, moves it or says that somebody else made it tells a history that cannot happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import NOT_CONCERNED
from compliance.formats.record_kinds import RecordKind as K

from .forms import CLAIMANT, SYSTEM, WITHDRAWN
from .letters import EXTENDED, OUTCOMES_TOLD

THE_END: Final = ""
"""The act may end here."""


def _letter(template: str) -> str:
    return f"{K.MESSAGE_QUEUED}, {template}"


def _closed(outcome: str) -> str:
    return f"{K.REQUEST_CLOSED}, {outcome}"


def _run_ended(outcome: str) -> str:
    return f"{K.JOB_RUN_ENDED}, {outcome}"


CORRECTED, CORRECTED_BY_ONE = f"{K.ITEM_CORRECTED}, as approved", f"{K.ITEM_CORRECTED}, by a review alone"
REFUSED, LAPSED, GIVEN_UP = f"{K.ITEM_DECIDED}, refused", f"{K.ITEM_LAPSED}, as approved", f"{K.ITEM_LAPSED}, withdrawn"
ENTERED, WITHHELD = f"{K.ERASURE_ENTERED}, for a release", f"{K.ERASURE_ENTERED}, at the end"
TO_REFUSE, TO_LAPSE, TO_CLOSE, TO_CORRECT = (
    f"{K.ENDING_APPROVED}, {what}" for what in ("a refusal", "a lapse", "of the request", "a correction")
)
LOOKED_AT, MISSED = f"{K.SAMPLE_FINISHED}, and nothing to add", f"{K.SAMPLE_FINISHED}, with what it missed"
STOPPED, STOPPED_BY_CLAIMANT = K.JOB_CANCEL_REQUESTED, f"{K.JOB_CANCEL_REQUESTED}, by the claimant"
CANCELLED, CANCELLED_AT_ONCE = K.JOB_CANCELLED, f"{K.JOB_CANCELLED}, at once"

TOLD_APART: Final[Mapping[str, Callable[[EntryBody], str]]] = {
    K.MESSAGE_QUEUED: lambda entry: _letter(entry.data["template"] if entry.actor == SYSTEM else "again"),
    K.REQUEST_CLOSED: lambda entry: _closed(entry.data["outcome"]),
    K.JOB_RUN_ENDED: lambda entry: _run_ended(entry.data["outcome"]),
    K.JOB_CANCEL_REQUESTED: lambda entry: STOPPED_BY_CLAIMANT if entry.actor == CLAIMANT else STOPPED,
    K.JOB_CANCELLED: lambda entry: CANCELLED if entry.actor == SYSTEM else CANCELLED_AT_ONCE,
    K.ITEM_DECIDED: lambda entry: entry.kind if entry.data["granted"] else REFUSED,
    K.ITEM_LAPSED: lambda entry: GIVEN_UP if entry.data["outcome"] == WITHDRAWN else LAPSED,
    # Until two officers had to approve it, a review took out of items what it had rejected.
    K.ITEM_CORRECTED: lambda entry: CORRECTED if "ending" in entry.data else CORRECTED_BY_ONE,
    K.SAMPLE_FINISHED: lambda entry: MISSED if entry.data["added"] else LOOKED_AT,
    K.ENDING_APPROVED: lambda entry: _approved(entry.data["item"], entry.data["outcome"]),
    # What was released before there was a ledger is entered later, by the system.
    K.ERASURE_ENTERED: lambda entry: entry.kind if entry.actor == SYSTEM else ENTERED if entry.data["item"] else WITHHELD,
}
"""What an entry is called in the table of acts, if its kind alone does not say what belongs to it."""

_ANSWERED = tuple(_closed(outcome) for outcome in OUTCOMES_TOLD)
_ENDS = (WITHHELD, K.MATCH_ACCOUNTED, *_ANSWERED)
_GIVES_UP = (GIVEN_UP, _closed(WITHDRAWN))

ACTS: Final[Mapping[str, tuple[str, ...]]] = {
    K.REQUEST_SUBMITTED: (_letter("confirm_address"),),
    K.REQUEST_CONFIRMED: (_letter("request_received"),),
    K.REQUEST_EXTENDED: (_letter(EXTENDED),),
    K.MATCH_ADDED: (K.MATCH_ADDED, K.MATCH_ACCEPTED),
    # The one that accepts the last of what a sample has added is followed by the end of the sample.
    K.MATCH_ACCEPTED: (THE_END, K.MATCH_ACCEPTED, MISSED),
    K.ITEM_CREATED: (K.ITEM_CREATED, K.MATCHES_DECIDED),
    K.MATCHES_DECIDED: (K.REVIEW_COMPLETED,),
    K.REVIEW_COMPLETED: (THE_END, CORRECTED_BY_ONE, *_ENDS),
    K.PROPOSAL_APPROVED: (K.JOB_CREATED,),
    _run_ended("completed"): (K.JOB_COMPLETED,),
    _run_ended("failed"): (K.JOB_FAILED,),
    _run_ended("cancelled"): (CANCELLED,),
    TO_CORRECT: (CORRECTED,),
    CORRECTED: (THE_END, CORRECTED, STOPPED),
    CORRECTED_BY_ONE: (THE_END, CORRECTED_BY_ONE, STOPPED, *_ENDS),
    STOPPED: (THE_END, STOPPED, CANCELLED_AT_ONCE, CORRECTED, CORRECTED_BY_ONE, *_ENDS),
    STOPPED_BY_CLAIMANT: (STOPPED_BY_CLAIMANT, CANCELLED_AT_ONCE, *_GIVES_UP),
    CANCELLED_AT_ONCE: (THE_END, STOPPED, STOPPED_BY_CLAIMANT, CORRECTED, CORRECTED_BY_ONE, *_ENDS, *_GIVES_UP),
    GIVEN_UP: _GIVES_UP,
    TO_REFUSE: (REFUSED,),
    TO_LAPSE: (LAPSED,),
    TO_CLOSE: _ENDS,
    ENTERED: (K.ITEM_RELEASED,),
    **dict.fromkeys((REFUSED, LAPSED, K.ITEM_RELEASED, K.COPY_SETTLED, K.STORE_ERASURE_SETTLED), (THE_END, *_ENDS)),
    K.STORE_ERASURE_GIVEN_UP: (THE_END, *_ENDS),
    WITHHELD: (K.MATCH_ACCOUNTED,),
    K.MATCH_ACCOUNTED: (K.MATCH_ACCOUNTED, *_ANSWERED),
    **{_closed(outcome): (_letter(f"outcome_{outcome}"),) for outcome in OUTCOMES_TOLD},
}
"""What stands right behind an entry of an act: one of these. Any other entry ends the act that it stands in."""
BEGINS_TOO: Final = frozenset(
    {
        *(
            K.MATCH_ADDED,
            K.MATCH_ACCEPTED,
            K.ITEM_CREATED,
            K.MATCHES_DECIDED,
            K.JOB_FAILED,
            STOPPED,
            STOPPED_BY_CLAIMANT,
            CANCELLED,
        ),
        *(_letter("confirm_address"), *_GIVES_UP),
    }
)
"""What may begin an act although others lead to it, too."""
INSIDE: Final = frozenset(name for names in ACTS.values() for name in names) - BEGINS_TOO
"""What something always leads to."""
ABOUT_THE_SAME: Final[Mapping[str, tuple[str, ...]]] = {
    K.JOB_CREATED: ("item", "attempt"),
    K.ITEM_RELEASED: ("item", "attempt"),
    **dict.fromkeys((K.JOB_COMPLETED, K.JOB_FAILED, CANCELLED), ("job", "run")),
    CANCELLED_AT_ONCE: ("job",),
    CORRECTED: ("ending",),
    **dict.fromkeys((REFUSED, LAPSED), ("item",)),
}
"""Fields in which an entry says the same as the one right before it in its act, if that has them."""


def check_acts(entries: Sequence[EntryBody], began: int) -> None:
    """Check that what one act writes stands together and names one actor (VerificationError).

    So the present version writes, which `began` with an entry. Letters are queued by the system, whoever acts.
    """
    for before, entry in pairwise(entries):
        due, name = ACTS.get(_name(before), (THE_END,)), _name(entry)
        together = name in due and (entry.actor == before.actor or entry.kind == K.MESSAGE_QUEUED)
        if entry.number < began:
            continue
        if THE_END not in due and before.number >= began and not together:
            _fail(before, f"it is followed by {entry.kind} by {entry.actor}, and the same act writes {' or '.join(due)}")
        if name in INSIDE and not together:
            _fail(entry, f"{entry.actor} did nothing right before to which it belongs; {before.actor} did {before.kind}")
        if together and (name in INSIDE or THE_END not in due):
            _check_same(before, entry, ABOUT_THE_SAME.get(name, ()))


def _check_same(before: EntryBody, entry: EntryBody, fields: Sequence[str]) -> None:
    for field in fields:
        if entry.data[field] != before.data.get(field, entry.data[field]):
            _fail(entry, f"its {field} is another than that of {before.kind}, which the same act wrote")


def _name(entry: EntryBody) -> str:
    return TOLD_APART[entry.kind](entry) if entry.kind in TOLD_APART else entry.kind


def _approved(item: str, outcome: str) -> str:
    if not item:
        return TO_CORRECT if outcome == NOT_CONCERNED else TO_CLOSE
    return TO_REFUSE if outcome == "refused" else TO_LAPSE


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    message = f"Entry number {entry.number} ({entry.kind}): {reason}."
    raise VerificationError(message)
