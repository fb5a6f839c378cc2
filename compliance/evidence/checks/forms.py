"""What each entry of a request's history states: its fields, their words, and who may have made it. All tables are literal.

An entry states everything that its version of Lethe stated, and nothing else: a fact that is left out would agree with
anything, and one that nobody expects would be read by nobody. Earlier entries are told by what they say, not by what they
lack: by names that are used no longer. Once an entry says what only the present version does, all later ones are its own.
Fields that were added since may be missing until the first entry that only a version with them could write; who could leave
them out could as well have stated that there is nothing to say, and what is missing is read as not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from compliance.evidence.record import EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import (
    EARLIER_EXAMPLE,
    EARLIER_FIELDS,
    EARLIER_KINDS,
    EXAMPLE,
    FIELDS,
)
from compliance.formats.record_kinds import RecordKind as K

from .versions import Additions, check_versions
from .words import GROUNDS, WORDS

CLAIMANT, OFFICER, SYSTEM = "claimant", "account", "system"
MATCHES = (K.MATCH_ACCEPTED, K.MATCH_REJECTED)

MADE_BY: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys((K.REQUEST_SUBMITTED,), frozenset({CLAIMANT, OFFICER})),
    **dict.fromkeys((K.REQUEST_CONFIRMED,), frozenset({CLAIMANT})),
    # The claimant withdraws a request, and nobody confirms some.
    **dict.fromkeys((K.REQUEST_CLOSED, K.ITEM_LAPSED), frozenset({CLAIMANT, OFFICER, SYSTEM})),
    K.SUPPRESSION_ENDED: frozenset({CLAIMANT, OFFICER, SYSTEM}),
    K.STORE_ERASURE_GIVEN_UP: frozenset({CLAIMANT, OFFICER}),  # the claimant's withdrawal gives up what has not begun
    K.MATCH_ACCOUNTED: frozenset({OFFICER, SYSTEM}),
    **dict.fromkeys(
        (
            *(
                K.REQUEST_EXTENDED,
                K.SUPPRESSION_STARTED,
                K.SUPPRESSION_RENEWED,
                K.COPY_SETTLED,
                K.STORE_ERASURE_ORDERED,
                K.STORE_ERASURE_APPROVED,
                K.STORE_ERASURE_RESUMED,
                K.STORE_ERASURE_SETTLED,
                K.SEARCH_ORDERED,
                K.SAMPLE_ORDERED,
                K.SAMPLE_FINISHED,
                K.MATCH_ADDED,
                *MATCHES,
                K.MATCH_REOPENED,
                K.ITEM_CREATED,
                K.MATCHES_DECIDED,
                K.REVIEW_COMPLETED,
                K.ITEM_DECIDED,
            ),
            *(K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED, K.ITEM_RELEASED, K.ITEM_REOPENED, K.JOB_CREATED),
            *(K.PROPOSAL_SUBMITTED, K.PROPOSAL_APPROVED, K.PROPOSAL_DECLINED, K.ITEM_CORRECTED),
        ),
        frozenset({OFFICER}),
    ),
    **dict.fromkeys(
        (
            *(
                *(K.STORE_ERASURE_LISTED, K.STORE_ERASURE_FAILED, K.STORE_ERASURE_ENDED),
                K.SEARCH_FAILED,
                K.SAMPLE_DRAWN,
                K.SAMPLE_FAILED,
                K.MAPPING_COMPLETED,
                K.ITEM_EVALUATED,
                K.MESSAGE_SENT,
                K.MESSAGE_FAILED,
                K.MESSAGE_LAPSED,
                K.ATTESTATION_SIGNED,
            ),
            *(K.JOB_STARTED, K.JOB_RUN_ENDED, K.JOB_COMPLETED, K.JOB_FAILED),
        ),
        frozenset({SYSTEM}),
    ),
    **dict.fromkeys((K.MESSAGE_QUEUED, K.ERASURE_ENTERED, K.RECORD_SEALED), frozenset({OFFICER, SYSTEM})),
    **dict.fromkeys((K.JOB_CANCEL_REQUESTED, K.JOB_CANCELLED), frozenset({CLAIMANT, OFFICER, SYSTEM})),
}
"""The kinds of a request's history, and who may have made an entry: the claimant, an account, or the system."""

WITHDRAWN = "withdrawn"
NO_SETS = frozenset({"forget", "retain"})
"""What a corpus calls no set of its own: a job makes these from the training set."""


def check_forms(entries: Sequence[EntryBody]) -> None:
    """Check that every entry of a request's history has the form that its version gave it (VerificationError)."""
    began, sets, additions = present_from(entries), dict[tuple[str, str], str](), Additions()
    for entry in entries:
        if entry.kind not in MADE_BY and entry.kind not in EARLIER_KINDS:
            _fail(
                entry, "this version of Lethe does not know what it means; verify the bundle with the version that wrote it"
            )
        if entry.number >= began and entry.kind in EARLIER_KINDS:
            _fail(entry, "an earlier version of Lethe wrote such entries, but the present one wrote those before it")
        fields = (FIELDS if entry.number >= began else EARLIER_FIELDS).get(entry.kind)  # type: ignore[call-overload]  # by its text
        unknown = additions.unknown_to(entry)
        fields = None if fields is None else tuple(field for field in fields if field not in unknown)
        if problem := fields_problem(entry, fields):
            _fail(entry, problem)
        if entry.kind in (*MATCHES, K.MATCH_REOPENED):
            _check_examples(entry, EXAMPLE if entry.number >= began else EARLIER_EXAMPLE, sets)
    for entry in in_present_words(entries):
        _check_words(entry)
    check_versions(entries, began)
    _check_grounds(entries)


def present_from(entries: Sequence[EntryBody]) -> int:
    """Return the number from which on the present version wrote a history: 1 if nothing in it is an earlier version's."""
    if not any(map(_is_earlier, entries)):
        return 1
    return next((entry.number for entry in entries if _is_present(entry)), len(entries) + 1)


def started_in_earlier_words(entries: Sequence[EntryBody], attempt: tuple[str, int]) -> bool:
    """Return whether an earlier version started the job of an attempt, and the present one never did."""
    began = present_from(entries)
    started = [entry.number for entry in entries if entry.kind == K.JOB_STARTED and entry.attempt == attempt]
    return bool(started) and all(number < began for number in started)


def in_present_words(entries: Sequence[EntryBody]) -> list[EntryBody]:
    """Return the entries with the names that kinds have now."""
    return [replace(entry, kind=EARLIER_KINDS.get(entry.kind, entry.kind)) for entry in entries]


def _is_earlier(entry: EntryBody) -> bool:
    """Return whether an entry uses a name that the present version does not use, or counts what it lists."""
    if entry.kind == K.MAPPING_COMPLETED:
        return isinstance(entry.data.get("not_searchable"), int)
    return entry.kind in EARLIER_KINDS or (entry.kind in MATCHES and any("record_id" in one for one in _examples(entry)))


def _is_present(entry: EntryBody) -> bool:
    """Return whether an entry says what no earlier version said."""
    new = entry.data.keys() - set(EARLIER_FIELDS.get(entry.kind, ()))
    return (
        entry.kind not in EARLIER_FIELDS
        or bool(new)
        or (entry.kind in MATCHES and any("example_id" in one for one in _examples(entry)))
    )


def _examples(entry: EntryBody) -> Sequence[Mapping[str, Any]]:
    examples = entry.data.get("examples")
    if not isinstance(examples, list) or not all(isinstance(one, Mapping) for one in examples):
        _fail(entry, "its examples are no list of examples")
    return examples


def _check_examples(entry: EntryBody, fields: tuple[str, ...], sets: dict[tuple[str, str], str]) -> None:
    """Check that each example has the fields of one, and is in the one set of `sets` in which entries before said it is."""
    named = [(one.get("snapshot"), one.get("example_id", one.get("record_id"))) for one in _examples(entry)]
    if len(set(named)) != len(named):
        _fail(entry, "it names an example twice")
    for one in _examples(entry):
        if one.keys() != set(fields) or not all(isinstance(value, str) for value in one.values()):
            _fail(entry, f"an example states {', '.join(sorted(one))}, and must state {_stated(fields)}")
        # Of an example that was found before its set was kept, nothing is known.
        if (name := one.get("set", "")) and (name in NO_SETS or not name.isidentifier()):
            _fail(entry, f"an example is in the set {one['set'][:40]!a}, which no corpus has")
        if one.get("set") and sets.setdefault((one["snapshot"], one["example_id"]), one["set"]) != one["set"]:
            _fail(entry, f"{one['example_id'][:40]!a} was in another set before")


def _check_words(entry: EntryBody) -> None:
    ends = entry.kind in (K.REQUEST_CLOSED, K.ITEM_LAPSED)
    by_claimant = entry.actor.partition(":")[0] == CLAIMANT
    if ends and by_claimant and entry.data.get("outcome", WITHDRAWN) != WITHDRAWN:
        _fail(entry, "claimants end nothing but by withdrawing it")
    if problem := maker_problem(entry, MADE_BY[entry.kind]) or word_problem(entry):
        _fail(entry, problem)


def fields_problem(entry: EntryBody, fields: Sequence[str] | None) -> str:
    """Return why an entry has other fields than these; empty if it has them."""
    if fields is not None and entry.data.keys() == set(fields):
        return ""
    return f"it states {', '.join(sorted(entry.data)) or 'nothing'}, and must state {_stated(fields)}"


def maker_problem(entry: EntryBody, makers: frozenset[str]) -> str:
    """Return why whoever made an entry cannot have made it; empty if they can."""
    if entry.actor.partition(":")[0] in makers:
        return ""
    return f"it was made by {entry.actor}, and can only be made by {' or '.join(sorted(makers))}"


def word_problem(entry: EntryBody) -> str:
    """Return which field of an entry says something that has no meaning; empty if none does."""
    for field, value in entry.data.items():
        says = WORDS.get(f"{entry.kind} {field}")
        if says is not None and not says(value):
            return f"nothing says what its {field} {str(value)[:40]!a} means"
    return ""


def _check_grounds(entries: Sequence[EntryBody]) -> None:
    """Check that each decision rests on a ground that fits it and the kind of request."""
    kind = next((entry.data["kind"] for entry in entries if entry.kind == K.REQUEST_SUBMITTED), "")
    for entry in entries:
        if entry.kind == K.ITEM_DECIDED:
            grounds = GROUNDS.get((kind, entry.data["granted"]), frozenset())
        elif entry.kind in (K.ENDING_PROPOSED, K.ENDING_APPROVED, K.ENDING_DECLINED):
            grounds = GROUNDS.get((kind, False), frozenset()) if entry.data["outcome"] == "refused" else frozenset({""})
        else:
            continue
        if entry.data["ground"] not in grounds:
            _fail(entry, f"{str(entry.data['ground'])[:40]!a} is no ground for it")


def _stated(fields: Sequence[str] | None) -> str:
    return ", ".join(sorted(fields or ())) or "nothing"


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    message = f"Entry number {entry.number} ({entry.kind}): {reason}."
    raise VerificationError(message)
