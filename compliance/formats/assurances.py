"""What a protocol may ask for, by how much is known about how the model to unlearn came about."""

from __future__ import annotations

from typing import Final, Literal, get_args

from .verdicts import Guarantee

Assurance = Literal["reproduced", "declared", "behavioural"]
"""How much is known about how a model came about. reproduced: it was trained here. declared: it was trained elsewhere, by a
recipe that somebody declares for it. behavioural: nobody declares how; what its recipe says is for methods alone."""
ASSURANCES: Final[tuple[Assurance, ...]] = get_args(Assurance)
"""From the most that can be known to the least."""
FEWEST_REPLICATES: Final = 2
"""Models trained here that one trained elsewhere is compared with: a spread needs two."""
NO_RECIPE: Final = (
    "Nobody declared how this model was trained, so there is no recipe to train it again by: choose a method that needs"
    " none, or train a model of a recipe here."
)
NO_ORACLES: Final = (
    "Nobody declared how this model was trained, so no replicate and no oracle can be trained: leave seeds, pairs, looks and"
    " estimands out of the protocol. Its answers are compared with those to held-out examples."
)
NO_HELD_OUT: Final = (
    "Nobody declared how this model was trained, so its answers can be compared with nothing but those to held-out examples,"
    " and the corpus has none. Register it with examples in the set held_out that the model was never trained on."
)


def assurance_problems(
    assurance: Assurance, guarantee: Guarantee, *, paired: bool, unlearned: int, needs_others: bool, held_out: bool
) -> list[str]:
    """Return the reasons why a model of this assurance cannot be judged after a method of this guarantee.

    Args:
        assurance: of the model to unlearn.
        guarantee: of the method.
        paired: whether each unlearned model has an oracle of its own.
        unlearned: models that are unlearned at the first look.
        needs_others: whether other models than the one and its original are trained or judged by.
        held_out: whether the corpus has held-out examples.
    """
    if assurance == "behavioural":
        found = {NO_RECIPE: guarantee in ("exact", "certified"), NO_ORACLES: needs_others, NO_HELD_OUT: not held_out}
        return [problem for problem, holds in found.items() if holds]
    if assurance == "reproduced" or guarantee == "exact":
        return []
    if guarantee == "certified":
        return ["A certificate rests on how the model was trained, and this one was trained elsewhere; retrain it here."]
    problems = []
    if paired:
        problems.append("A model that was trained elsewhere has no seed here; choose the independent design.")
    if unlearned <= FEWEST_REPLICATES:
        problems.append(
            f"A model that was trained elsewhere is compared with at least {FEWEST_REPLICATES} replicates at the first"
            " look; add some."
        )
    return problems
