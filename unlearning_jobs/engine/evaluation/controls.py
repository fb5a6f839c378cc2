"""Comparisons whose answer is known beforehand."""

from __future__ import annotations

from unlearning_jobs.engine.contracts import Control, Protocol

from .estimands import forget_margin
from .outputs import Outputs
from .permutation import permutation_test
from .welch import welch


def oracle_against_oracle(outputs: Outputs, protocol: Protocol) -> Control:
    """Every second oracle against the others, which must not come out as different models would.

    The permutation test alone tells one split in 1/alpha apart, however alike the models are: that is its level. The
    control therefore misbehaves only when the halves are told apart and their means differ by more than the margin on the
    forget set allows, which happens when oracles were not made alike.
    """
    oracles = outputs.matrix("oracle", "forget", "margin")
    found = permutation_test(oracles[::2], oracles[1::2], seed=protocol.sample_seed)
    means = forget_margin(outputs, "oracle")
    gap = forget_margin(outputs, "original").mean() - means.mean()
    share = float(abs(means[::2].mean() - means[1::2].mean()) / gap) if gap > 0 else float("inf")
    allowed = _forget_margin_allowed(protocol)
    behaved = found.p_value > protocol.alpha or share <= allowed
    return Control("oracle_against_oracle", behaved, found, _note(found.p_value > protocol.alpha, share, allowed))


def _note(alike: bool, share: float, allowed: float) -> str:
    if alike:
        return "Oracles cannot be told from oracles."
    if share <= allowed:
        return (
            f"Oracles differ from oracles by {share:.2g} of the do-nothing gap, which is within the margin; that the test"
            " tells this split apart is one of the chance findings that its level allows."
        )
    return (
        f"Oracles differ from other oracles by {share:.2g} of the do-nothing gap: they were not made alike, and nothing"
        " can be measured against them."
    )


def _forget_margin_allowed(protocol: Protocol) -> float:
    """The narrowest margin that the protocol sets for the forget set's location, in units of the gap."""
    margins = [e.margin for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap")]
    return min(margins, default=0.0)


def do_nothing(outputs: Outputs, protocol: Protocol) -> Control:
    """The originals against the oracles: an evaluation that does not tell them apart has no power."""
    originals, oracles = outputs.matrix("original", "forget", "margin"), outputs.matrix("oracle", "forget", "margin")
    found = permutation_test(originals, oracles, seed=protocol.sample_seed)
    gap = welch(forget_margin(outputs, "original"), forget_margin(outputs, "oracle"), protocol.alpha)
    behaved = found.p_value <= protocol.alpha and gap.low > 0
    note = (
        f"The original knows the forget set better than the oracles do, by {gap.difference:.2f} log-odds on average."
        if behaved
        else "Before unlearning, the original cannot be told from models that never saw the forget set: there is too little"
        " to unlearn, or there are too few models, to show anything."
    )
    return Control("do_nothing", behaved, found, note)
