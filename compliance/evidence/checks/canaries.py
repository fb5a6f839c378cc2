"""Part of the step about registrations: each model that was trained by a draw of canaries has it, and it came first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from compliance.evidence.bundle import ProvenEntry
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind as K

from .log import History

COMMITMENT: Final = "commitment_sha256"
"""The field that names a draw: of the draw itself, and of models that go back to it."""


def check_draws(history: History, models: Iterable[ProvenEntry]) -> int:
    """Check the draws that models go back to, and that each was opened once at most; return how many entries there are.

    Raises:
        VerificationError: one is missing, repeated, of another model, or came too late.
    """
    drawn, opened = _of_kind(history, K.CANARIES_DRAWN), _of_kind(history, K.CANARIES_OPENED)
    # 1. Exactly the draws that the models name, each model's own.
    by_draw = [(model, model.entry.data[COMMITMENT]) for model in models if model.entry.data.get(COMMITMENT)]
    named = {(model.entry.subject, commitment) for model, commitment in by_draw}
    stated = [(one.entry.subject, one.entry.data[COMMITMENT]) for one in drawn]
    if sorted(stated) != sorted(named):
        message = f"The record must contain one {K.CANARIES_DRAWN} entry for each draw by which a model was trained."
        raise VerificationError(message)
    draws = [_draw(one) for one in drawn]
    if len(set(draws)) != len(draws):
        message = "Two draws of canaries are called the same: a model is trained by one draw."
        raise VerificationError(message)
    # 2. The draw came before the model.
    for model, commitment in by_draw:
        for one in drawn:
            if one.entry.data[COMMITMENT] == commitment and _is_later(one, model):
                message = f"The draw of canaries for {model.entry.subject} was made after the model that was trained by it."
                raise VerificationError(message)
    _check_opened(opened, drawn)
    return len(drawn) + len(opened)


def _check_opened(opened: Sequence[ProvenEntry], drawn: Sequence[ProvenEntry]) -> None:
    found: dict[tuple[str, str], ProvenEntry] = {_draw(one): one for one in drawn}
    for one in opened:
        first = found.get(_draw(one))
        if first is None:
            message = f"{_words(one)} was opened twice, or the record has no such draw."
            raise VerificationError(message)
        if _is_later(first, one):
            message = f"{_words(one)} was opened before it was made."
            raise VerificationError(message)
        del found[_draw(one)]  # a second opening finds none


def _of_kind(history: History, kind: K) -> list[ProvenEntry]:
    return [one for one in history.others if one.entry.kind == kind]


def _draw(one: ProvenEntry) -> tuple[str, str]:
    return one.entry.subject, str(one.entry.data.get("draw"))


def _words(one: ProvenEntry) -> str:
    return f"Draw {_draw(one)[1][:20]!a} of {one.entry.subject}"


def _is_later(made: ProvenEntry, use: ProvenEntry) -> bool:
    """Return whether something stands in the log behind its use, or has a later time."""
    return made.index > use.index or made.entry.moment > use.entry.moment
