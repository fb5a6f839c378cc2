"""Comparisons whose answer is known beforehand."""

from __future__ import annotations

from unlearning_jobs.engine.contracts import Control, Protocol

from .estimands import forget_margin
from .outputs import Outputs
from .permutation import permutation_test
from .welch import welch


def oracle_against_oracle(outputs: Outputs, protocol: Protocol) -> Control:
    """Every second oracle against the others: a test that tells them apart would find differences where there are none."""
    oracles = outputs.matrix("oracle", "forget", "margin")
    found = permutation_test(oracles[::2], oracles[1::2], seed=protocol.sample_seed)
    behaved = found.p_value > protocol.alpha
    note = (
        "Oracles cannot be told from oracles."
        if behaved
        else "Oracles can be told from other oracles, so the test is not to be trusted here."
    )
    return Control("oracle_against_oracle", behaved, found, note)


def do_nothing(outputs: Outputs, protocol: Protocol) -> Control:
    """The originals against the oracles: an evaluation that does not tell them apart has no power."""
    originals, oracles = outputs.matrix("original", "forget", "margin"), outputs.matrix("oracle", "forget", "margin")
    found = permutation_test(originals, oracles, seed=protocol.sample_seed)
    gap = welch(forget_margin(outputs, "original"), forget_margin(outputs, "oracle"), protocol.alpha)
    behaved = found.p_value <= protocol.alpha and gap.low > 0
    note = (
        f"The original knows the forget set better than the oracles do, by {gap.difference:.2f} log-odds per token."
        if behaved
        else "Before unlearning, the original cannot be told from models that never saw the forget set: there is too little"
        " to unlearn, or there are too few models, to show anything."
    )
    return Control("do_nothing", behaved, found, note)
