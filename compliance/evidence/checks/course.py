"""The step about the order of events: a history is one that can happen, entry after entry.

Each table says what must have happened before an entry of a kind, and what it leads to. Kinds that are in no table may come
at any time; so may kinds that this version does not know, because a log keeps what earlier and later versions wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K

NEW = "new"
RELEASABLE = frozenset({"passed"})
"""Verdicts with which an item waits for its release; with any other, the method is chosen again."""
SETTLED = frozenset({"refused", "released"})


@dataclass(frozen=True)
class Move:
    """What must be the case before an entry, and what is the case after it."""

    before: frozenset[str]
    after: str
    """Empty if nothing changes."""


def after(*before: str, to: str = "") -> Move:
    return Move(frozenset(before), to)


OPEN = after("in progress")

REQUEST_MOVES: Final[Mapping[str, Move]] = {
    K.REQUEST_SUBMITTED: after(NEW, to="submitted"),
    K.REQUEST_CONFIRMED: after("submitted", to="confirmed"),
    K.MAPPING_COMPLETED: after("confirmed", to="under review"),
    K.MATCH_ACCEPTED: after("under review"),
    K.MATCH_REJECTED: after("under review"),
    K.MATCHES_DECIDED: after("under review", to="reviewed"),
    K.REVIEW_COMPLETED: after("reviewed", to="in progress"),
    K.ITEM_DECIDED: OPEN,
    K.PROPOSAL_SUBMITTED: OPEN,
    K.PROPOSAL_APPROVED: OPEN,
    K.PROPOSAL_DECLINED: OPEN,
    K.ITEM_RELEASED: OPEN,
    K.ITEM_REOPENED: OPEN,
    K.JOB_CREATED: OPEN,
    K.REQUEST_CLOSED: after("submitted", "confirmed", "under review", "reviewed", "in progress", to="closed"),
}
"""By request."""

ITEM_MOVES: Final[Mapping[str, Move]] = {
    K.ITEM_DECIDED: after(NEW, to="granted"),
    K.PROPOSAL_SUBMITTED: after("granted", to="proposed"),
    K.PROPOSAL_APPROVED: after("proposed", to="approved"),
    K.PROPOSAL_DECLINED: after("proposed", to="granted"),
    K.JOB_CREATED: after("approved"),
    K.JOB_STARTED: after("approved"),
    K.JOB_COMPLETED: after("approved"),
    K.JOB_FAILED: after("approved"),
    K.JOB_CANCELLED: after("approved"),
    K.ITEM_EVALUATED: after("approved", to="evaluated"),
    K.ITEM_RELEASED: after("evaluated", to="released"),
    K.ITEM_REOPENED: after("evaluated", to="granted"),
}
"""By item. An item that was not granted is refused, and one that did not pass goes back to the choice of a method."""

JOB_MOVES: Final[Mapping[str, Move]] = {
    K.JOB_CREATED: after(NEW, to="queued"),
    # Older records do not say by a kind of entry that is known here when a run ended.
    K.JOB_STARTED: after("queued", "running", to="running"),
    K.JOB_RUN_ENDED: after("running", to="queued"),
    K.JOB_CANCEL_REQUESTED: after("queued", "running"),
    K.JOB_COMPLETED: after("queued", "running", to="completed"),
    K.JOB_FAILED: after("queued", "running", to="failed"),
    K.JOB_CANCELLED: after("queued", "running", to="cancelled"),
}
"""By job."""

MESSAGE_MOVES: Final[Mapping[str, Move]] = {
    K.MESSAGE_QUEUED: after(NEW, "queued", "failed", to="queued"),
    K.MESSAGE_SENT: after("queued", to="sent"),
    K.MESSAGE_FAILED: after("queued", to="failed"),
}
"""By message."""

AT_ANY_TIME: Final[Mapping[str, str]] = {
    K.ATTESTATION_SIGNED: "the steps about attestations check what it says, and when",
    K.RECORD_SEALED: "a history may be sealed for several exports; the step about the history checks the last seal",
}
"""Kinds of a request's history that follow nothing, and why."""


def check_course(entries: Sequence[EntryBody]) -> None:
    """Check that every entry of a request's history follows from those before it (VerificationError)."""
    requests = _follow(entries, REQUEST_MOVES, lambda _entry: "The request")
    items = _follow(entries, ITEM_MOVES, _named("item"), _item_after)
    _follow(entries, JOB_MOVES, _named("job"))
    _follow(entries, MESSAGE_MOVES, _named("message"))
    _check_attempts(entries)
    _check_runs(entries)
    if requests.get("The request") == "closed":
        _check_outcome(entries, items)


def _named(field: str) -> Callable[[EntryBody], str]:
    return lambda entry: f"{field.capitalize()} {entry.data[field]}" if field in entry.data else ""


def _follow(
    entries: Sequence[EntryBody],
    moves: Mapping[str, Move],
    about: Callable[[EntryBody], str],
    outcome: Callable[[EntryBody], str] = lambda _entry: "",
) -> Mapping[str, str]:
    """Take everything from state to state, and return the last state of each; `outcome` overrides the table."""
    states: dict[str, str] = {}
    for entry in entries:
        move, name = moves.get(entry.kind), about(entry)
        if move is None or not name:
            continue
        state = states.get(name, NEW)
        if state not in move.before:
            _fail(name, entry, f"it is {state}, and should be {' or '.join(sorted(move.before))}")
        states[name] = outcome(entry) or move.after or state
    return states


def _item_after(entry: EntryBody) -> str:
    """Return where an item goes if that depends on what the entry says. What it does not state is not held against it."""
    if entry.kind == K.ITEM_DECIDED and entry.data.get("granted") is False:
        return "refused"
    if entry.kind == K.ITEM_EVALUATED and entry.data.get("verdict", "passed") not in RELEASABLE:
        return "granted"
    return ""


def _check_attempts(entries: Sequence[EntryBody]) -> None:
    """Check that proposals count an item's attempts, and that everything else is about the latest one."""
    latest: dict[str, int] = {}
    for entry in entries:
        if entry.kind not in ITEM_MOVES or not {"item", "attempt"} <= entry.data.keys():
            continue
        item, attempt = entry.attempt
        expected = latest.get(item, 0) + (entry.kind == K.PROPOSAL_SUBMITTED)
        if attempt != expected:
            _fail(f"Item {item}", entry, f"it is about attempt {attempt}, and should be about attempt {expected}")
        latest[item] = attempt


def _check_runs(entries: Sequence[EntryBody]) -> None:
    """Check that starts count a job's runs, and that everything else is about the latest one."""
    latest: dict[object, int] = {}
    for entry in entries:
        if entry.kind not in JOB_MOVES or not {"job", "run"} <= entry.data.keys():
            continue
        job, run = entry.data["job"], entry.data["run"]
        expected = latest.get(job, 0) + (entry.kind == K.JOB_STARTED)
        if run != expected:
            _fail(f"Job {job}", entry, f"it is about run {run}, and should be about run {expected}")
        latest[job] = run


def _check_outcome(entries: Sequence[EntryBody], items: Mapping[str, str]) -> None:
    """Check that the request was closed with the outcome that its items have."""
    closed = next(entry for entry in entries if entry.kind == K.REQUEST_CLOSED)
    named = {f"Item {item}" for entry in entries if entry.kind == K.MATCHES_DECIDED for item in _items(entry)}
    ends = {items.get(name, NEW) for name in {*named, *items}}
    fits = {
        "completed": "released" in ends and ends <= SETTLED,
        "refused": ends == {"refused"},
        "no_match": not ends,
        "withdrawn": "released" not in ends,
        "unconfirmed": not ends,
    }
    outcome = closed.data.get("outcome")
    if not fits.get(str(outcome), True):
        _fail("The request", closed, f"its outcome is {outcome!a}, but its items are {', '.join(sorted(ends)) or 'none'}")


def _items(entry: EntryBody) -> Sequence[str]:
    items = entry.data.get("items")
    return items if isinstance(items, list) else ()


def _fail(name: str, entry: EntryBody, reason: str) -> NoReturn:
    message = f"{name}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    raise VerificationError(message)
