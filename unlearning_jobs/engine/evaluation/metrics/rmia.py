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
"""The paper's a for CIFAR-10. It estimates how much training on an example raises its probability."""


class Rmia(ShadowAttack):
    """Scores a forget example by the share of held-out examples that it beats, relative to the oracles."""

    name: ClassVar[str] = "rmia"

    def applies(self, outputs: Outputs) -> bool:
        return exists(outputs, "forget", "probability") and exists(outputs, "held_out", "probability")

    def scores(
        self,
        outputs: Outputs,
        target: ModelKey,
        inside: Sequence[ModelKey],  # noqa: ARG002  # offline: no shadow models were trained on the examples
        outside: Sequence[ModelKey],
    ) -> Array:
        attacked, population = (outputs.vector(target, name, "probability") for name in ("forget", "held_out"))
        return rmia(attacked, _mean(outputs, outside, "forget"), population, _mean(outputs, outside, "held_out"))


def rmia(target: Array, reference: Array, population: Array, population_reference: Array) -> Array:
    """Return the share of the population z that every example x beats: Pr_z[(p(x|θ) / p(x)) / (p(z|θ) / p(z)) >= γ].

    p(x) is the mean of the probabilities with and without training on x. The former is estimated from the latter as
    1 - a + a p_out(x), so that p(x) = ((1 + a) p_out(x) + 1 - a) / 2. The same holds for z.

    Args:
        target: probabilities p(x|θ) under the attacked model (examples,).
        reference: p_out(x), mean probability under reference models that never saw the examples (examples,).
        population: p(z|θ) of examples that no model was trained on (others,).
        population_reference: p_out(z) (others,).

    Returns:
        (examples,), between 0 and 1; values near 1 indicate membership
    """
    ratio, others = target / _prior(reference), population / _prior(population_reference)  # (examples,), (others,)
    return np.asarray((ratio[:, None] >= GAMMA * others).mean(axis=1))


def _prior(out: Array) -> Array:
    """Return p(x) from p_out(x)."""
    return ((1 + OFFLINE) * out + 1 - OFFLINE) / 2


def _mean(outputs: Outputs, models: Sequence[ModelKey], name: str) -> Array:
    return np.asarray(np.mean([outputs.vector(model, name, "probability") for model in models], axis=0))
