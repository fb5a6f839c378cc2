"""RMIA, offline (Zarifzadeh et al. 2024, arXiv 2312.03262)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .metric import exists
from .shadow_attack import ShadowAttack

GAMMA: Final = 1.0
"""Between 1 and 2 in the paper. A model that knows most examples well rarely doubles a probability, so 1."""
OFFLINE: Final = 0.3
"""The paper's a for CIFAR-10: how far a model's probability of an example rises by training on it."""


class Rmia(ShadowAttack):
    """AUC and true-positive rate of the share of held-out examples that a forget example beats, relative to the oracles."""

    name: ClassVar[str] = "rmia"

    def applies(self, outputs: Outputs) -> bool:
        return exists(outputs, "forget", "probability") and exists(outputs, "held_out", "probability")

    def scores(
        self,
        outputs: Outputs,
        target: ModelKey,
        inside: Sequence[ModelKey],  # noqa: ARG002  # offline: nobody has models that were trained on the examples
        outside: Sequence[ModelKey],
    ) -> Array:
        own, population = (outputs.one(target, name, "probability") for name in ("forget", "held_out"))
        return rmia(own, _mean(outputs, outside, "forget"), population, _mean(outputs, outside, "held_out"))


def rmia(target: Array, usual: Array, population: Array, population_usual: Array) -> Array:
    """Share of the population z that every example x beats: Pr_z[(p(x|θ) / p(x)) / (p(z|θ) / p(z)) >= γ].

    p(x) is half the sum of its probability with and without training on x; the former is estimated from the latter as
    1 - a + a p_out(x), so that p(x) = ((1 + a) p_out(x) + 1 - a) / 2. Likewise for z.

    Args:
        target: probabilities p(x|θ) under the model under attack (examples,).
        usual: p_out(x), mean probability under reference models that never saw the examples (examples,).
        population: p(z|θ) of examples that nobody was trained on (others,).
        population_usual: p_out(z) (others,).

    Returns:
        (examples,), between 0 and 1; near 1 speaks for membership
    """
    ratio, others = target / _either(usual), population / _either(population_usual)
    return np.asarray((ratio[:, None] >= GAMMA * others).mean(axis=1))


def _either(out: Array) -> Array:
    return ((1 + OFFLINE) * out + 1 - OFFLINE) / 2


def _mean(outputs: Outputs, models: Sequence[ModelKey], name: str) -> Array:
    return np.asarray(np.mean([outputs.one(model, name, "probability") for model in models], axis=0))
