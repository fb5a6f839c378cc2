"""What certificates of certified methods can say: the words of each bound, and numbers that promise something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from .results import Certificate

MOST_EPSILON: Final = 10.0
"""Beyond it, a bound allows almost every difference. No recipe and no option of a method goes further."""
LEAST_DELTA: Final = 1e-9
"""Of private training. Below it, rounding shows in epsilon: two accountants differ after hundreds of thousands of steps."""
MOST_DELTA: Final = 0.1
"""A bound that may fail in more than a tenth of all cases says little. No recipe and no option of a method goes further."""
TRAINING_METHOD: Final = "retrain"
"""The method that trains the model from scratch, after which it has never seen what was erased before."""
DEFINITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "certified_removal": (
        (
            "For every set S of models: P(this model in S) <= e^epsilon P(the optimum without the erased examples in S) +"
            " delta, and the same with the two exchanged, over the random perturbation of the objective."
        ),
        (
            "For every set S of models: P(this model in S) <= e^epsilon P(the optimum without the erased records in S) +"
            " delta, and the same with the two exchanged, over the random perturbation of the objective."
        ),
        (
            "However a set S of models is chosen: P(this model in S) <= e^epsilon P(the optimum without the erased records"
            " in S) + delta, and the same the other way round, over the random perturbation of the objective."
        ),
    ),
    "dp_sgd": (
        (
            "For every set S of models: P(this model in S) <= e^epsilon P(a model trained without the erased examples in S)"
            " + delta, and the same with the two exchanged. The training without them has the same noise, sampling rate and"
            " number of steps."
        ),
        (
            "For every set S of models: P(this model in S) <= e^epsilon P(a model trained without the erased records in S)"
            " + delta, and the same with the two exchanged. The training without them has the same noise, sampling rate and"
            " number of steps."
        ),
        (
            "However a set S of models is chosen: P(this model in S) <= e^epsilon P(a model trained without the erased"
            " records in S) + delta, and the same the other way round. The training without them has the same noise,"
            " sampling rate and number of steps."
        ),
    ),
}
"""By method: what its bound says, and what earlier versions wrote for the same."""


def steps_until_training(methods: Sequence[str]) -> int:
    """Return how many of the earlier steps, given by their methods, the last training from scratch has made irrelevant."""
    return max((number for number, method in enumerate(methods, 1) if method == TRAINING_METHOD), default=0)


def ended_by(methods: Sequence[str], method: str) -> list[str]:
    """Return the methods of earlier steps that ended the promise of the model's training, on which `method` relies.

    The promise is about the weights that training left, and `method` accounts for its own steps alone.
    """
    return [other for other in methods[steps_until_training(methods) :] if other != method]


def promises(certificate: Certificate) -> bool:
    """Return whether the numbers of a certificate can be such, bound anything, and are within the model's budget.

    No noise makes two models the same, so nothing costs nothing: none of the numbers is zero.
    """
    bounds = 0 < certificate.epsilon <= MOST_EPSILON and 0 < certificate.delta <= MOST_DELTA
    within = certificate.records > 0 and 0 < certificate.budget_spent <= 1
    return bounds and within and bool(certificate.assumptions)
