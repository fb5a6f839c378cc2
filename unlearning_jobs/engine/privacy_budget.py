"""What erasures cost a privately trained model: the group-privacy formula, and the ledger of one model's life.

A differentially private training hardly depends on any one record. Without k records it would have given nearly the same
model, so the model may stay as it is, at a price that grows with k and is never paid back until the model is trained again.
Records count, not people and not requests: a person with five records takes five, whoever asked for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from .contracts import UnlearningStep

TRAINING_METHOD: Final = "retrain"
"""The method after which a model has never known what was erased before."""


def group_privacy(epsilon: float, delta: float, records: int) -> tuple[float, float]:
    """Epsilon and delta for a group of so many records, from those for one.

    k epsilon, and delta x (1 + e^epsilon + ... + e^((k-1) epsilon)) = delta (e^(k epsilon) - 1) / (e^epsilon - 1); from
    applying the definition k times (Vadhan 2017, The Complexity of Differential Privacy, lemma 2.2). A delta of 1, which
    promises nothing, is as large as it gets.

    Raises:
        ValueError: a number is negative.
    """
    if epsilon < 0 or delta < 0 or records < 0:
        message = "Epsilon, delta and the number of records cannot be negative."
        raise ValueError(message)
    try:
        factor = math.expm1(records * epsilon) / math.expm1(epsilon) if epsilon > 0 else float(records)
    except OverflowError:
        factor = math.inf
    return records * epsilon, min(1.0, delta * factor) if delta > 0 else 0.0


def records_affordable(epsilon: float, delta: float, *, max_epsilon: float, max_delta: float) -> int:
    """The most records that may be erased in a model's life within both limits; with no epsilon or delta, a billion.

    Raises:
        ValueError: a number is negative.
    """
    low, high = 0, 1_000_000_000
    while low < high:
        middle = (low + high + 1) // 2
        spent_epsilon, spent_delta = group_privacy(epsilon, delta, middle)
        if spent_epsilon <= max_epsilon and spent_delta <= max_delta:
            low = middle
        else:
            high = middle - 1
    return low


def steps_since_training(earlier: Sequence[UnlearningStep]) -> tuple[UnlearningStep, ...]:
    """The earlier steps that the model in use still bears: those after it was last trained from scratch."""
    trained = [number for number, step in enumerate(earlier) if step.method.name == TRAINING_METHOD]
    return tuple(earlier[trained[-1] + 1 :] if trained else earlier)


def records_erased(earlier: Sequence[UnlearningStep], forget: int) -> int:
    """Records erased over the life of the model in use, these ones to forget included."""
    return sum(len(step.forget_ids) for step in steps_since_training(earlier)) + forget


def budget_share(epsilon: float, delta: float, *, max_epsilon: float, max_delta: float) -> float:
    """Share of the limits that is used, the larger of the two; infinite where a limit of 0 is passed."""
    shares = [(epsilon, max_epsilon), (delta, max_delta)]
    return max(spent / limit if limit > 0 else (math.inf if spent > 0 else 0.0) for spent, limit in shares)


def overspent(epsilon: float, delta: float, records: int, *, max_epsilon: float, max_delta: float) -> str | None:
    """Why so many records are too many for a model with this epsilon and delta for one; None when they are not."""
    spent_epsilon, spent_delta = group_privacy(epsilon, delta, records)
    if spent_epsilon <= max_epsilon and spent_delta <= max_delta:
        return None
    most = records_affordable(epsilon, delta, max_epsilon=max_epsilon, max_delta=max_delta)
    return (
        f"The model's privacy budget is spent: {records} records erased in its life would make epsilon {spent_epsilon:.3g}"
        f" and delta {spent_delta:.2g}, where {max_epsilon:.3g} and {max_delta:.2g} are allowed, which is enough for {most}."
        " Retrain it without the records."
    )


def broken_promise(earlier: Sequence[UnlearningStep], own: str) -> str | None:
    """Why the model no longer carries the promise of its training: a method other than `own` took a step since."""
    foreign = [step.method.name for step in steps_since_training(earlier) if step.method.name != own]
    if not foreign:
        return None
    return f"An earlier step, {foreign[0]}, came after the model's training, and its promise ended there; retrain the model."
