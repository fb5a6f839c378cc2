"""The finding about a model of which nobody declared how it was trained, and what follows from it.

Such a model has no oracles: there is no recipe to retrain by. What is left to compare with are held-out twins: examples of
the same kind that it never saw, as its owner says. That shows what is left over or missing, and never what retraining would
give.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Final, Literal

from .contracts import Contract
from .exchange import CHANCE, CLEAR
from .verdicts import Reason, Verdict

TwinOutcome = Literal["left_over", "overshot", "damaged", "nothing_found", "says_nothing"]
"""left_over: the forget set is still known better than its twins. overshot: it is known less. damaged: neither, but the
model knows less of what was to stay. nothing_found: none of these. says_nothing: nothing could have shown."""
MOST_LOST: Final = 0.05
"""Of mean probability: a model that lost more of what was to stay is damaged."""
LOST: Final = 0.2
"""Of the probability of an example: from there on it counts as damaged."""

NOBODY_DECLARED: Final = "Nobody declared how this model was trained, so nothing shows what retraining would give."
SENTENCES: Final[dict[TwinOutcome, str]] = {
    "left_over": "Something is left over: the model knows the examples to forget better than held-out ones.",
    "overshot": "It overshot: the model knows the examples to forget less than held-out ones, which marks them.",
    "damaged": (
        "The examples to forget could not be told from held-out ones, but the model lost what it was to keep, so that this"
        " may be for the worst of reasons."
    ),
    "nothing_found": "The examples to forget could not be told from held-out ones.",
    "says_nothing": (
        "It says nothing: the original itself does not know the examples to forget clearly better than held-out ones."
    ),
}


@dataclass(frozen=True)
class TwinFinding(Contract):
    """How a model ranks the examples to forget among held-out ones, by their log-odds, and what it lost of the others."""

    outcome: TwinOutcome
    forget: int
    held_out: int
    control_above: float
    """In the original: share of pairs in which the example to forget has the higher log-odds than the held-out one."""
    control_p: float
    """One-sided: of a share as high, if which examples are to be forgotten meant nothing."""
    control_difference: float
    """In the original: mean log-odds of the examples to forget minus that of the held-out ones."""
    above: float
    """The same share in the unlearned model."""
    p_value: float
    """Two-sided."""
    difference: float
    """The same difference in the unlearned model."""
    smallest: float | None
    """The smallest difference in log-odds that would have been found with 80 % power; None if none would."""
    retain_lost: float
    """Mean probability that retained examples lost, from the original to the unlearned model."""
    retain_damaged: float
    """Share of the retained examples that lost more than `LOST`."""
    held_out_lost: float
    held_out_damaged: float


def twin_outcome(finding: TwinFinding, alpha: float) -> TwinOutcome:
    """Return what the numbers of a finding say at a level. Of the outcome, it reads nothing."""
    if not finding.control_p <= CLEAR:
        return "says_nothing"
    if finding.p_value <= alpha:
        return "left_over" if finding.above > CHANCE else "overshot"
    return "damaged" if max(finding.retain_lost, finding.held_out_lost) > MOST_LOST else "nothing_found"


def twin_verdict(finding: TwinFinding, alpha: float) -> Verdict:
    """Return the verdict: never that it passed or failed, since no oracle shows what should have come out."""
    outcome = twin_outcome(finding, alpha)
    reasons = (Reason("behavioural", NOBODY_DECLARED), Reason(f"twins_{outcome}", _sentence(finding, outcome)))
    return Verdict("inconclusive", None, reasons)


def _sentence(finding: TwinFinding, outcome: TwinOutcome) -> str:
    if outcome == "says_nothing":
        numbers = (
            f"higher in {finding.control_above:.1%} of pairs, p = {finding.control_p:.2g}, at most {CLEAR:g} is asked for"
        )
        return f"{SENTENCES[outcome][:-1]} ({numbers})."
    numbers = f"higher in {finding.above:.1%} of pairs, p = {finding.p_value:.2g}; before, {finding.control_above:.1%}"
    said = f"{SENTENCES[outcome][:-1]} ({numbers})."
    if outcome == "damaged":
        return (
            f"{said} Lost on average: {finding.retain_lost:.3f} on retained, {finding.held_out_lost:.3f} on held-out ones."
        )
    return f"{said}{_within_sight(finding)}" if outcome == "nothing_found" else said


def _within_sight(finding: TwinFinding) -> str:
    if finding.smallest is None:
        return " With so few examples no difference, however large, would have been found with a probability of 80 %."
    share = f", {finding.smallest / finding.control_difference:.0%} of that before" if finding.control_difference > 0 else ""
    return f" A difference of {finding.smallest:.3g} in log-odds{share} would have been found with a probability of 80 %."


def too_few_twins(forget: int, held_out: int) -> str:
    """Return why these numbers of examples could show nothing, however a model answers; empty if they could."""
    if held_out and comb(forget + held_out, min(forget, held_out)) * CLEAR >= 1:
        return ""
    return (
        "Nobody declared how this model was trained, so its answers are compared with those to held-out examples, and"
        f" {held_out} of them beside {forget} to forget could show nothing. Register the corpus with more examples in the"
        " set held_out, like those in it, that the model was never trained on."
    )
