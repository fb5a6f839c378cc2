"""The privacy cost of erasures from a privately trained model: the group-privacy formula, and the model's budget.

Differentially private training hardly depends on any single example. Without k examples it would have given nearly the
same model, so the model may stay as it is, at a cost that grows with k until the model is trained again. Examples count,
not people or requests: a person with five examples uses up five, whoever asked for their erasure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from compliance.formats.certificates import ended_by, steps_until_training

from .contracts import UnlearningStep


def group_privacy(epsilon: float, delta: float, examples: int) -> tuple[float, float]:
    """Return epsilon and delta for a group of k examples, from those for one example.

    They are k epsilon and delta x (1 + e^epsilon + ... + e^((k-1) epsilon)) = delta (e^(k epsilon) - 1) / (e^epsilon - 1),
    which follows from applying the definition k times (Vadhan 2017, The Complexity of Differential Privacy, lemma 2.2).
    Delta is at most 1, which promises nothing.

    Raises:
        ValueError: a number is negative.
    """
    if epsilon < 0 or delta < 0 or examples < 0:
        message = "Epsilon, delta and the number of examples cannot be negative."
        raise ValueError(message)
    try:
        factor = math.expm1(examples * epsilon) / math.expm1(epsilon) if epsilon > 0 else float(examples)
    except OverflowError:
        factor = math.inf
    return examples * epsilon, min(1.0, delta * factor) if delta > 0 else 0.0


def affordable_examples(epsilon: float, delta: float, *, max_epsilon: float, max_delta: float) -> int:
    """Return how many examples may be erased in a model's life within both limits; at most a billion.

    Raises:
        ValueError: a number is negative.
    """
    low, high = 0, 1_000_000_000  # bisection: the cost grows with the number of examples
    while low < high:
        middle = (low + high + 1) // 2
        spent_epsilon, spent_delta = group_privacy(epsilon, delta, middle)
        if spent_epsilon <= max_epsilon and spent_delta <= max_delta:
            low = middle
        else:
            high = middle - 1
    return low


def steps_since_training(earlier: Sequence[UnlearningStep]) -> tuple[UnlearningStep, ...]:
    """Return the earlier steps that still count for the current model: those after its last training from scratch."""
    return tuple(earlier[steps_until_training([step.method.name for step in earlier]) :])


def erased_examples(earlier: Sequence[UnlearningStep], forget: int) -> int:
    """Return the number of examples erased over the life of the current model, including the `forget` new ones."""
    return sum(len(step.forget_ids) for step in steps_since_training(earlier)) + forget


def budget_share(epsilon: float, delta: float, *, max_epsilon: float, max_delta: float) -> float:
    """Return the used share of the limits, the larger of the two; infinite if a limit of 0 is exceeded."""
    shares = [(epsilon, max_epsilon), (delta, max_delta)]
    return max(spent / limit if limit > 0 else (math.inf if spent > 0 else 0.0) for spent, limit in shares)


def overspent(epsilon: float, delta: float, examples: int, *, max_epsilon: float, max_delta: float) -> str | None:
    """Return why erasing this number of examples exceeds the limits, from epsilon and delta for one; None if it does not."""
    spent_epsilon, spent_delta = group_privacy(epsilon, delta, examples)
    if spent_epsilon <= max_epsilon and spent_delta <= max_delta:
        return None
    affordable = affordable_examples(epsilon, delta, max_epsilon=max_epsilon, max_delta=max_delta)
    return (
        f"The model's privacy budget is spent: {examples} examples erased in its life would give epsilon {spent_epsilon:.3g}"
        f" and delta {spent_delta:.2g}, but only {max_epsilon:.3g} and {max_delta:.2g} are allowed, which is enough for"
        f" {affordable}. Retrain the model without the examples."
    )


def broken_promise(earlier: Sequence[UnlearningStep], method: str) -> str | None:
    """Return why the promise of the model's training no longer holds: another method than `method` changed the model."""
    foreign = ended_by([step.method.name for step in earlier], method)
    if not foreign:
        return None
    return f"An earlier step, {foreign[0]}, came after the model's training, and its promise ended there; retrain the model."
