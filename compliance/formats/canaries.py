"""Canaries in the record: the commitment to a draw, which half it chose, and which outcome follows from what was measured.

The engine draws and judges by this, and whoever verifies a record finds the same again. See docs/canaries.md.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final, Literal

from .canonical import digest_of
from .exchange import ALPHA, CHANCE, CLEAR

CanaryOutcome = Literal["left_over", "overshot", "nothing_found", "says_nothing"]
"""left_over: the trained canaries are still known. overshot: they are known less than those that the model never saw.
nothing_found: neither, as far as this test can see. says_nothing: the test could not have found anything."""
CANARIES_SAY: Final = ("outcome", "missed", "control_p", "above", "p_value", "smallest")
"""What an opened draw says: the outcome, what it follows from (`outcome_of`), and the smallest difference it would find."""


def commitment_of(*, secret: str, model: str, corpus: str, ids: Sequence[str]) -> str:
    """Return the SHA-256 of the canonical JSON of all four: it fixes the draw and reveals nothing."""
    return digest_of({"corpus": corpus, "ids": list(ids), "model": model, "secret": secret})


def trained_half(secret: str, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the half that the coin chose, sorted: of an odd number, the smaller half.

    Raises:
        ValueError: the secret is not in hex.
    """
    key = bytes.fromhex(secret)
    by_coin = sorted(ids, key=lambda one: hmac.digest(key, one.encode(), "sha256"))
    return tuple(sorted(by_coin[: len(by_coin) // 2]))


def outcome_of(*, control_p: float | None, above: float | None, p_value: float | None, missed: int | None) -> CanaryOutcome:
    """Return what follows from what was measured; nothing that is None was.

    Args:
        control_p: one-sided, of the original.
        above: in the unlearned model, the share of pairs in which a trained canary has a higher score.
        p_value: two-sided, of the unlearned model.
        missed: how many trained canaries were not erased.
    """
    if control_p is None or above is None or p_value is None or control_p > CLEAR:
        return "says_nothing"
    if p_value <= ALPHA:
        return "left_over" if above > CHANCE else "overshot"
    return "left_over" if missed else "nothing_found"


def draw_reference(subject: str, number: int) -> str:
    """Return what a draw calls its model: the record's subject, and which draw of that name it is."""
    return f"{subject}#{number}"
