"""Control comparisons: their outcome is known in advance, so they show whether the evaluation itself works."""

from __future__ import annotations

from unlearning_jobs.engine.contracts import Control, Protocol

from .estimands import forget_margin
from .outputs import Outputs
from .permutation import permutation_test
from .welch import welch


def oracle_against_oracle(outputs: Outputs, protocol: Protocol) -> Control:
    """Compare every second oracle with the others; they must not look like two kinds of model.

    The permutation test alone rejects a fraction alpha of such splits even when all models are alike: that is its level.
    The control therefore misbehaves only if the test rejects and the halves' means differ by more than the margin on the
    forget set allows. That happens when the oracles were not trained alike.
    """
    oracles = outputs.matrix("oracle", "forget", "margin")  # (models, examples)
    permutation = permutation_test(oracles[::2], oracles[1::2], seed=protocol.sample_seed)
    means = forget_margin(outputs, "oracle")  # (models,)
    gap = forget_margin(outputs, "original").mean() - means.mean()
    share = float(abs(means[::2].mean() - means[1::2].mean()) / gap) if gap > 0 else float("inf")
    allowed = _allowed_forget_margin(protocol)
    behaved = permutation.p_value > protocol.alpha or share <= allowed
    note = _note(permutation.p_value > protocol.alpha, share, allowed)
    return Control("oracle_against_oracle", behaved, permutation, note)


def _note(alike: bool, share: float, allowed: float) -> str:
    if alike:
        return "The test cannot tell oracles from other oracles."
    if share <= allowed:
        return (
            f"Two halves of the oracles differ by {share:.2g} of the do-nothing gap, which is within the margin. That the"
            " test tells them apart is one of the false alarms that its level allows."
        )
    return (
        f"Two halves of the oracles differ by {share:.2g} of the do-nothing gap, so they were not trained alike, and"
        " nothing can be measured against them."
    )


def _allowed_forget_margin(protocol: Protocol) -> float:
    """Return the narrowest margin that the protocol sets for the forget set's location, in units of the gap."""
    margins = [e.margin for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap")]
    return min(margins, default=0.0)


def do_nothing(outputs: Outputs, protocol: Protocol) -> Control:
    """Compare the originals with the oracles: an evaluation that cannot tell them apart has no power."""
    originals, oracles = outputs.matrix("original", "forget", "margin"), outputs.matrix("oracle", "forget", "margin")
    permutation = permutation_test(originals, oracles, seed=protocol.sample_seed)
    gap = welch(forget_margin(outputs, "original"), forget_margin(outputs, "oracle"), protocol.alpha)
    behaved = permutation.p_value <= protocol.alpha and gap.low > 0
    note = (
        f"The original knows the forget set better than the oracles do, by {gap.difference:.2f} log-odds on average."
        if behaved
        else "Before unlearning, the original cannot be told from models that never saw the forget set. Either there is too"
        " little to unlearn, or there are too few models to show anything."
    )
    return Control("do_nothing", behaved, permutation, note)
