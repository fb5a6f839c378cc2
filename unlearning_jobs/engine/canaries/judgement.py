"""What the scores of a model's canaries say about the method and the pipeline, and what they do not say.

It never says "passed": canaries are not the data of the person who asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from compliance.formats.canaries import CanaryOutcome, outcome_of
from compliance.formats.exchange import ALPHA, CHANCE, CLEAR
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.evaluation.exchange import Scores, exchange_test, smallest_found

from .drawing import Draw

DOES_NOT_SHOW: Final = (
    "Anything about the data of the person who asked: canaries are invented, and may be learned and erased more easily.",
    "Anything about one canary: the test is about all of them together.",
    "What an attack on the weights would bring out: only answers to the canaries themselves were scored.",
)
NO_CALLS: Final = "Whether the pipeline found every canary: nobody said which examples it erased."


@dataclass(frozen=True)
class CanaryJudgement(EngineContract):
    """What canaries say about one unlearned model."""

    outcome: CanaryOutcome
    reasons: tuple[str, ...]
    commitment: str
    canaries: int
    trained: int
    missed: int | None
    """Trained canaries that were not erased; None if it was not said which examples were."""
    control: float | None = None
    """Difference in mean log-odds in the original: trained minus never seen."""
    control_above: float | None = None
    """In the original: share of pairs in which a trained canary has a higher score than one that was never seen."""
    control_p: float | None = None
    """One-sided."""
    difference: float | None = None
    """The same difference in the unlearned model."""
    above: float | None = None
    """The same share in the unlearned model; the test is about it."""
    p_value: float | None = None
    """Two-sided."""
    draws: int = 0
    """How many balanced assignments the model's own was compared with."""
    exhaustive: bool = False
    """Whether these are all that there are."""
    smallest: float | None = None
    """The smallest difference that would have been found with 80 % power, where nothing was found."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Digests of the original and of the unlearned model."""
    is_checked: bool = False
    """Whether the original itself says that it was trained on the half that was drawn."""
    does_not_show: tuple[str, ...] = DOES_NOT_SHOW


def judge_scores(
    draw: Draw,
    original: Mapping[str, float],
    unlearned: Mapping[str, float],
    forgotten: Collection[str] | None = None,
) -> CanaryJudgement:
    """Judge one model by the log-odds of every canary in it and in its original.

    Args:
        draw: the opened draw of this very model.
        original: log-odds by id, before unlearning.
        unlearned: log-odds by id, after it.
        forgotten: ids of all examples that were erased, if that is known.
    """
    missed = None if forgotten is None else len(set(draw.trained) - set(forgotten))
    sealed = CanaryJudgement(
        outcome="says_nothing",
        reasons=(),
        commitment=draw.commitment,
        canaries=len(draw.ids),
        trained=len(draw.trained),
        missed=missed,
        does_not_show=(*DOES_NOT_SHOW, NO_CALLS) if missed is None else DOES_NOT_SHOW,
    )
    before, after = (np.array([of[i] for i in draw.ids], dtype=np.float64) for of in (original, unlearned))
    for name, values in (("original", before), ("unlearned model", after)):
        if broken := int((~np.isfinite(values)).sum()):
            reason = f"The {name} gives {broken} of {len(values)} canaries no number as a score; it is broken."
            return replace(sealed, reasons=(reason,))
    trained = np.isin(np.array(draw.ids), np.array(draw.trained))
    control, found = exchange_test(before, trained), exchange_test(after, trained)
    measured = replace(
        sealed,
        control=control.difference,
        control_above=control.above,
        control_p=control.p_above,
        difference=found.difference,
        above=found.above,
        p_value=found.p_value,
        draws=found.draws,
        exhaustive=found.exhaustive,
    )
    if control.p_above > CLEAR:
        reason = (
            f"The original itself does not show clearly which half it was trained on (p = {control.p_above:.2g}, and it must"
            f" be at most {CLEAR:g}), so that the unlearned model could not have shown it either."
        )
        return replace(measured, reasons=(reason,))
    return _decided(measured, after)


def _decided(found: CanaryJudgement, after: Scores) -> CanaryJudgement:
    outcome = outcome_of(control_p=found.control_p, above=found.above, p_value=found.p_value, missed=found.missed)
    reasons = [_pipeline(found)] if found.missed else []
    if found.p_value is not None and found.above is not None and found.p_value <= ALPHA:
        said = "more" if found.above > CHANCE else "less"
        reasons.append(f"The model knows the canaries that were erased {said} than those that it never saw.")
    elif not found.missed:
        smallest = smallest_found(after, found.trained)
        return replace(found, outcome=outcome, reasons=(_within_sight(found, smallest),), smallest=smallest)
    return replace(found, outcome=outcome, reasons=tuple(reasons))


def _pipeline(found: CanaryJudgement) -> str:
    return (
        f"The pipeline missed {found.missed} of {found.trained} canaries: the model learned them, and they were not erased."
    )


def _within_sight(found: CanaryJudgement, smallest: float | None) -> str:
    if smallest is None:
        return "With so few canaries no difference, however large, would have been found with 80 % power."
    share = (
        f", {100 * smallest / found.control:.0f} % of what the original shows" if found.control and found.control > 0 else ""
    )
    return f"The smallest difference that would have been found with 80 % power is {smallest:.3g} in log-odds{share}."
