"""Which letter may stand where in a request's history: a letter tells the claimant what has happened, and only then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from compliance.evidence.record import ACCOUNT_PREFIX, EntryBody
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import NOT_CONCERNED, TOLD
from compliance.formats.record_kinds import RecordKind as K
from compliance.formats.stores import IN_STORES

OUTCOMES_TOLD = (
    *("completed", "refused", "no_match", "already_erased", "not_learned", "no_influence", "not_searched"),
    IN_STORES,
)
"""Outcomes of which the claimant is told by a letter; of a withdrawn or unconfirmed request nobody is."""
EXTENDED = "deadline_extended"
HANDLED = frozenset({"confirmed", "search failed", "under review", "closing", "in progress"})
LETTERS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "confirm_address": (frozenset({"submitted"}), ""),
    "request_received": (frozenset({"confirmed"}), ""),
    EXTENDED: (HANDLED, ""),
    **{f"outcome_{outcome}": (frozenset({"closed"}), outcome) for outcome in OUTCOMES_TOLD},
}
"""Every letter, by its template: in which states its request is when it is queued, and with which outcome."""


def check_letters(entries: Sequence[EntryBody], states: Sequence[str]) -> None:
    """Check that every letter was queued when what it says was so, and stays the same letter (VerificationError).

    `states` has the request's state before each entry. A letter that is queued again tells what it told before.
    """
    outcome, extended, corrected, templates = "", False, False, dict[int, str]()
    for entry, state in zip(entries, states, strict=True):
        if entry.kind == K.REQUEST_CLOSED:
            outcome = str(entry.data["outcome"])
            _check_told(entry, outcome, corrected)
        extended = extended or entry.kind == K.REQUEST_EXTENDED
        corrected = corrected or (entry.kind == K.ENDING_APPROVED and entry.data.get("outcome") == NOT_CONCERNED)
        if entry.kind not in (K.MESSAGE_QUEUED, K.MESSAGE_SENT, K.MESSAGE_FAILED):
            continue
        message, template = entry.data["message"], entry.data["template"]
        if entry.kind == K.MESSAGE_QUEUED and (message in templates) != entry.actor.startswith(ACCOUNT_PREFIX):
            _fail(entry, "the system queues a letter first, and officers queue it again")
        if message not in templates:
            _check_first(entry, template, state, outcome)
            if template == EXTENDED and not extended:
                _fail(entry, "it says that the answer takes longer, and nobody has extended the time before")
        if templates.setdefault(message, template) != template:
            _fail(entry, f"message {message} was the letter {templates[message]!a} before")


def _check_told(entry: EntryBody, outcome: str, corrected: bool) -> None:
    """Check what the last letter counts, as far as other entries tell: an earlier version did not keep it."""
    told = {field: entry.data.get(field, 0) for field in TOLD}
    if outcome not in OUTCOMES_TOLD and any(told.values()):
        _fail(entry, "it counts what a letter says, and nobody is told how this request ended")
    if told["vocabularies"] and not entry.data["accepted"]:
        _fail(entry, "a vocabulary was made from accepted examples, and none was accepted")
    if told["declared"] > told["from_checkpoints"]:
        _fail(entry, "it counts more models trained elsewhere than started from a checkpoint, and only such models come in")
    if told["not_concerned"] and not corrected:
        _fail(entry, "examples were found not to belong to the request, and no two officers have said so before")


def _check_first(entry: EntryBody, template: str, state: str, outcome: str) -> None:
    if template not in LETTERS:
        _fail(entry, f"there is no letter {template[:40]!a}")
    due, told = LETTERS[template]
    if state not in due or outcome != told:
        then = f"{state}, with the outcome {outcome!a}" if outcome else state
        _fail(entry, f"the letter {template!a} cannot be queued then: the request is {then}")


def _fail(entry: EntryBody, reason: str) -> NoReturn:
    message = f"Entry number {entry.number} ({entry.kind}): {reason}."
    raise VerificationError(message)
