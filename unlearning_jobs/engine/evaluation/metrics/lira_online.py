"""LiRA, online (Carlini et al. 2022, arXiv 2112.03570, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .normal import fit_normal_shared, log_density
from .shadow_attack import ShadowAttack, forget_margins


class LiraOnline(ShadowAttack):
    """Scores an example by the likelihood ratio of "trained on it" to "never saw it"."""

    name: ClassVar[str] = "lira_online"

    def scores(self, outputs: Outputs, target: ModelKey, inside: Sequence[ModelKey], outside: Sequence[ModelKey]) -> Array:
        attacked = outputs.vector(target, "forget", "margin")
        return lira_online(attacked, forget_margins(outputs, inside), forget_margins(outputs, outside))


def lira_online(target: Array, inside: Array, outside: Array) -> Array:
    """Return the log-likelihood ratio ln N(φ; in) - ln N(φ; out) for every example; above 0 it indicates membership.

    Args:
        target: margins φ of the attacked model (examples,).
        inside: margins of shadow models that were trained on the examples (m, examples).
        outside: margins of shadow models that were not (n, examples).

    Returns:
        (examples,)
    """
    return log_density(target, *fit_normal_shared(inside)) - log_density(target, *fit_normal_shared(outside))
