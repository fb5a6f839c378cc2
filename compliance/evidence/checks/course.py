"""The step about the order of events: a history is one that can happen, entry after entry.

Each table says from where an entry takes something, and to where. Kinds that are in no table may come at any time. What an
entry must state, which letter may stand where, what one act writes, how samples, suppressions and erasures in stores
follow one another, and what became of copies: the neighbours check that (`forms.py`, `letters.py`, `acts.py`, `counts.py`,
`samples.py`, `suppressions.py`, `stores.py`, `copies.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import NOT_CONCERNED
from compliance.formats.record_kinds import RecordKind as K

from .acts import check_acts
from .copies import check_copies
from .counts import check_count, check_extensions
from .forms import CLAIMANT, SYSTEM, check_forms, in_present_words, present_from
from .letters import check_letters
from .samples import SAMPLE_MOVES, check_samples
from .stores import AFTER_A_WITHDRAWAL, STORE_MOVES, check_stores, store_variant
from .suppressions import SUPPRESSION_MOVES, check_suppressions

NEW = "new"
RELEASABLE = frozenset({"passed"})
"""Verdicts with which an item waits for its release; with any other, the method is chosen again."""
SETTLED = frozenset({"refused", "released", "lapsed", "emptied"})
LAPSES = frozenset({"no_influence", "already_erased", "not_learned"})
"""Outcomes of requests all of whose items lapsed; which one follows from what became of the examples (`agreements`)."""
WITHDRAWN = "withdrawn"

Move = Mapping[str, str]
"""Where an entry takes something, by where that was before."""


def after(*before: str, to: str = "") -> Move:
    """Return a move from each of these states; without `to`, nothing changes."""
    return {state: to or state for state in before}


REFUSED, REFUSED_BY_ONE = f"{K.ITEM_DECIDED}, refused", f"{K.ITEM_DECIDED}, refused by one officer"
NOT_PASSED = f"{K.ITEM_EVALUATED}, not passed"
RELEASED_WITHOUT_LEDGER = f"{K.ITEM_RELEASED}, before there was an erasure ledger"
LAPSED_WITH_REQUEST = f"{K.ITEM_LAPSED}, withdrawn"
EMPTIED = f"{K.ITEM_CORRECTED}, nothing left"
PROPOSED, APPROVED, DECLINED = (
    f"{kind}, for the request" for kind in (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED)
)
APPROVED_OUT = f"{K.ENDING_APPROVED}, for what leaves its items"
IN_PROGRESS = after("in progress")
OPEN_REQUEST = (
    *("submitted", "confirmed", "search failed", "under review"),
    *("reviewed", "in progress", "closing", "end approved"),
)
CONFIRMED = ("confirmed", "search failed", "under review", "closing", "in progress")
OPEN_ITEM = (NEW, "granted", "proposed", "approved", "evaluated", "to be ended", "granted, to be ended")

REQUEST_MOVES: Final[Mapping[str, Move]] = {
    K.REQUEST_SUBMITTED: after(NEW, to="submitted"),
    K.REQUEST_CONFIRMED: after("submitted", to="confirmed"),
    K.SEARCH_FAILED: after("confirmed", to="search failed"),
    K.SEARCH_ORDERED: after("search failed", "under review", "in progress", to="confirmed"),
    K.MAPPING_COMPLETED: after("confirmed", to="under review"),
    K.SAMPLE_ORDERED: after("under review", "in progress"),
    K.MATCH_ADDED: after("under review"),
    K.MATCH_ACCEPTED: after("under review"),
    K.MATCH_REJECTED: after("under review"),
    K.MATCH_REOPENED: after("under review"),
    K.ITEM_CREATED: after("under review", "creating items", to="creating items"),
    K.MATCHES_DECIDED: after("under review", "creating items", to="reviewed"),
    K.MATCH_ACCOUNTED: after(*OPEN_REQUEST),
    K.REVIEW_COMPLETED: after("reviewed", to="in progress"),
    **dict.fromkeys((K.ITEM_CORRECTED, EMPTIED), after("under review", "in progress", "end approved")),
    PROPOSED: after("under review", to="closing"),
    APPROVED: after("closing", to="end approved"),
    APPROVED_OUT: after("closing", to="under review"),
    DECLINED: after("closing", to="under review"),
    **dict.fromkeys((K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED, K.ITEM_LAPSED), IN_PROGRESS),
    **dict.fromkeys((K.ITEM_DECIDED, REFUSED, REFUSED_BY_ONE, K.ITEM_REOPENED), IN_PROGRESS),
    **dict.fromkeys((K.ITEM_RELEASED, RELEASED_WITHOUT_LEDGER), IN_PROGRESS),
    **dict.fromkeys((K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED, K.PROPOSAL_DECLINED, K.JOB_CREATED), IN_PROGRESS),
    LAPSED_WITH_REQUEST: after(*OPEN_REQUEST),
    **dict.fromkeys(
        (
            *(K.REQUEST_EXTENDED, K.SUPPRESSION_STARTED, K.SUPPRESSION_RENEWED),
            *(K.SAMPLE_DRAWN, K.SAMPLE_FAILED, K.SAMPLE_FINISHED),
            *(K.STORE_ERASURE_LISTED, K.STORE_ERASURE_APPROVED),
        ),
        after(*CONFIRMED),
    ),
    K.SUPPRESSION_ENDED: after(*CONFIRMED, "closed"),  # whoever closes a request ends it right behind
    K.COPY_SETTLED: after(*CONFIRMED, "closed"),  # what comes, or was beyond use, reopens no closed request
    K.STORE_ERASURE_ORDERED: after("confirmed", "search failed", "under review", "in progress"),
    **dict.fromkeys(AFTER_A_WITHDRAWAL, after(*CONFIRMED, "closed")),
    K.REQUEST_CLOSED: after(*OPEN_REQUEST, to="closed"),
}
"""By request. What happened to its items and its jobs goes on while it is searched and reviewed again."""

ITEM_MOVES: Final[Mapping[str, Move]] = {
    K.ITEM_DECIDED: after(NEW, to="granted"),
    K.ENDING_PROPOSED: {NEW: "to be ended", "granted": "granted, to be ended"},
    K.ENDING_DECLINED: {"to be ended": NEW, "granted, to be ended": "granted"},
    K.ENDING_APPROVED: after("to be ended", "granted, to be ended", to="end approved"),
    REFUSED: after("end approved", to="refused"),
    # Until ends without unlearning needed two officers.
    REFUSED_BY_ONE: after(NEW, "end approved", to="refused"),
    K.ITEM_LAPSED: after("end approved", to="lapsed"),
    LAPSED_WITH_REQUEST: after(*OPEN_ITEM, to="lapsed"),
    # A later review took examples out: a method or a result that was waiting is given up.
    K.ITEM_CORRECTED: {**after(*OPEN_ITEM), "proposed": "granted", "evaluated": "granted"},
    EMPTIED: after(*OPEN_ITEM, to="emptied"),
    K.PROPOSAL_SUBMITTED: after("granted", to="proposed"),
    K.PROPOSAL_APPROVED: after("proposed", to="approved"),
    K.PROPOSAL_DECLINED: after("proposed", to="granted"),
    K.JOB_CREATED: after("approved"),
    K.JOB_STARTED: after("approved"),
    # A withdrawal or a correction cancels what runs; the worker ends it afterwards.
    **dict.fromkeys((K.JOB_COMPLETED, K.JOB_FAILED, K.JOB_CANCELLED), after("approved", "lapsed", "emptied")),
    K.ITEM_EVALUATED: {**after("lapsed", "emptied"), "approved": "evaluated"},
    NOT_PASSED: {**after("lapsed", "emptied"), "approved": "granted"},
    # Before the release, in one transaction; what was released before there was a ledger is entered later.
    K.ERASURE_ENTERED: {"evaluated": "entered", "released": "released"},
    K.ITEM_RELEASED: after("entered", to="released"),
    RELEASED_WITHOUT_LEDGER: after("evaluated", to="released"),
    K.ITEM_REOPENED: after("evaluated", to="granted"),
}
"""By item. One that did not pass goes back to the choice of a method; a refused or lapsed one goes nowhere."""

ENDING_MOVES: Final[Mapping[str, Move]] = {
    K.ENDING_PROPOSED: after(NEW, to="proposed"),
    K.ENDING_APPROVED: after("proposed", to="approved"),
    K.ENDING_DECLINED: after("proposed", to="declined"),
}
"""By ending: of several for one item, the latest waits."""

JOB_MOVES: Final[Mapping[str, Move]] = {
    K.JOB_CREATED: after(NEW, to="queued"),
    K.JOB_STARTED: after("queued", to="running"),
    K.JOB_RUN_ENDED: after("running", to="queued"),
    K.JOB_CANCEL_REQUESTED: after("queued", "running"),
    K.JOB_COMPLETED: after("queued", "running", to="completed"),
    K.JOB_FAILED: after("queued", "running", to="failed"),
    K.JOB_CANCELLED: after("queued", "running", to="cancelled"),
}
"""By job."""

MESSAGE_MOVES: Final[Mapping[str, Move]] = {
    K.MESSAGE_QUEUED: after(NEW, "queued", "failed", to="queued"),
    # Whoever took a message over may give it up before the worker that was slow says that it has sent it.
    K.MESSAGE_SENT: after("queued", "failed", "lapsed", to="sent"),
    K.MESSAGE_FAILED: after("queued", to="failed"),
    K.MESSAGE_LAPSED: after("queued", to="lapsed"),
}
"""By message."""

COUNTED: Final = {
    "search": K.MAPPING_COMPLETED,
    "sample": K.SAMPLE_ORDERED,
    "ending": K.ENDING_PROPOSED,
    "suppression": K.SUPPRESSION_STARTED,
    "store_erasure": K.STORE_ERASURE_ORDERED,
}
"""What is counted within a request, and the entry that begins each."""

AT_ANY_TIME: Final[Mapping[str, str]] = {
    K.ATTESTATION_SIGNED: "the steps about attestations check what it says, and when",
    K.RECORD_SEALED: "a history may be sealed for several exports; the step about the history checks the last seal",
}
"""Kinds of a request's history that follow nothing, and why."""


def check_course(entries: Sequence[EntryBody]) -> None:
    """Check that every entry of a request's history follows from those before it (VerificationError)."""
    check_forms(entries)
    began, entries = present_from(entries), in_present_words(entries)
    variant = _variants(began)
    requests = _follow(entries, REQUEST_MOVES, lambda _entry: "The request", variant)
    items = _follow(entries, ITEM_MOVES, _named("item"), variant)
    _follow(entries, ENDING_MOVES, _named("ending"))
    _follow(entries, JOB_MOVES, _named("job"))
    _follow(entries, SAMPLE_MOVES, _named("sample"))
    suppressions = _follow(entries, SUPPRESSION_MOVES, _named("suppression"))
    _follow(entries, STORE_MOVES, _named("store_erasure"), store_variant)
    _follow(entries, MESSAGE_MOVES, _named("message"))
    check_count(entries, "attempt", K.PROPOSAL_SUBMITTED, ITEM_MOVES, by="item")
    check_count(entries, "run", K.JOB_STARTED, JOB_MOVES, by="job")
    check_extensions(entries)
    for field, begins in COUNTED.items():
        check_count(entries, field, begins, {begins: {}})
    if requests.get("The request") == "closed":
        _check_outcome(entries, items, began)
    check_letters(entries, _states_before(entries, variant))
    check_acts(entries, began)
    check_samples(entries)
    check_suppressions(entries, suppressions)
    check_copies(entries)
    check_stores(entries)


def _variants(began: int) -> Callable[[EntryBody], str]:
    """Return what names an entry's move, if that depends on what the entry says and on whether the present version, which
    `began` with an entry, wrote it.
    """
    of_request: Mapping[str, str] = {K.ENDING_PROPOSED: PROPOSED, K.ENDING_APPROVED: APPROVED, K.ENDING_DECLINED: DECLINED}

    def variant(entry: EntryBody) -> str:
        data, earlier = entry.data, entry.number < began
        if entry.kind == K.ITEM_DECIDED and data.get("granted") is False:
            return REFUSED_BY_ONE if earlier else REFUSED
        if entry.kind == K.ITEM_EVALUATED and data.get("verdict") not in RELEASABLE:
            return NOT_PASSED
        if entry.kind == K.ITEM_CORRECTED and data.get("examples") == 0:
            return EMPTIED
        if entry.kind == K.ITEM_RELEASED and earlier:
            return RELEASED_WITHOUT_LEDGER
        if entry.kind == K.ITEM_LAPSED and data.get("outcome") == WITHDRAWN:
            return LAPSED_WITH_REQUEST
        out = (entry.kind, data.get("outcome")) == (K.ENDING_APPROVED, NOT_CONCERNED)
        whole = APPROVED_OUT if out else of_request.get(entry.kind, entry.kind)
        return whole if data.get("item") == "" else entry.kind

    return variant


def _states_before(entries: Sequence[EntryBody], variant: Callable[[EntryBody], str]) -> list[str]:
    """Return the request's state before each entry; that it can move so is checked elsewhere."""
    states, state = [], NEW
    for entry in entries:
        states.append(state)
        state = REQUEST_MOVES.get(variant(entry), {}).get(state, state)
    return states


def _named(field: str) -> Callable[[EntryBody], str]:
    return lambda entry: (
        f"{field.replace('_', ' ').capitalize()} {entry.data[field]}" if entry.data.get(field, "") != "" else ""
    )


def _follow(
    entries: Sequence[EntryBody],
    moves: Mapping[str, Move],
    about: Callable[[EntryBody], str],
    variant: Callable[[EntryBody], str] = lambda entry: entry.kind,
) -> Mapping[str, str]:
    """Take everything from state to state, and return the last state of each; `variant` names an entry's move."""
    states: dict[str, str] = {}
    for entry in entries:
        move, name = moves.get(variant(entry)), about(entry)
        if move is None or not name:
            continue
        state = states.get(name, NEW)
        if state not in move:
            _fail(name, entry, f"it is {state}, and should be {' or '.join(sorted(move))}")
        states[name] = move[state]
    return states


def _check_outcome(entries: Sequence[EntryBody], items: Mapping[str, str], began: int) -> None:
    """Check that the request was closed with the outcome that its items have, or with the end that was approved for it."""
    closed = next(entry for entry in entries if entry.kind == K.REQUEST_CLOSED)
    # Until ends without unlearning needed two officers, one could close a request in which nothing was found.
    outcome, by_one = closed.data["outcome"], closed.number < began
    named = {f"Item {item}" for entry in entries if entry.kind == K.MATCHES_DECIDED for item in _items(entry)}
    ends = {items.get(name, NEW) for name in {*named, *items}} - {"emptied"}
    lapses = {entry.data.get("outcome") for entry in entries if entry.kind == K.ITEM_LAPSED}
    all_lapsed = ends == {"lapsed"} and bool(lapses & LAPSES)
    closings = (entry for entry in entries if entry.kind == K.ENDING_APPROVED and entry.data.get("item") == "")
    # What an item lapsed for may be decided again, and beside settled items two officers may have to end the rest.
    approved = {entry.data.get("outcome") for entry in closings if ends <= {"lapsed"}} - {NOT_CONCERNED}
    fits = {
        "completed": "released" in ends and ends <= SETTLED,
        "refused": "refused" in ends and ends <= SETTLED - {"released"},
        "no_match": "no_match" in approved or (by_one and not ends),
        "not_searched": "not_searched" in approved,
        "in_stores": "in_stores" in approved,
        "already_erased": "already_erased" in approved or all_lapsed,
        "not_learned": "not_learned" in approved or all_lapsed,
        "no_influence": "no_influence" in lapses and all_lapsed,
        "withdrawn": "released" not in ends and (by_one or (ends <= SETTLED and closed.actor == CLAIMANT)),
        "unconfirmed": not any(entry.kind == K.REQUEST_CONFIRMED for entry in entries)
        and (by_one or closed.actor == SYSTEM),
    }
    if not fits[outcome]:
        stand = ", ".join(sorted(ends)) or f"none, and {'another' if approved else 'no'} end of it was approved"
        _fail("The request", closed, f"its outcome is {outcome!a}, but its items are {stand}; {closed.actor} closed it")


def _items(entry: EntryBody) -> Sequence[str]:
    items = entry.data.get("items")
    return items if isinstance(items, list) else ()


def _fail(name: str, entry: EntryBody, reason: str) -> NoReturn:
    message = f"{name}: entry number {entry.number} ({entry.kind}) cannot come then: {reason}."
    raise VerificationError(message)
