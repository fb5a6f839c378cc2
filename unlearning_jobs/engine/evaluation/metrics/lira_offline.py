"""LiRA, offline (Carlini et al. 2022, arXiv 2112.03570)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import ndtr

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .normal import fit_normal_shared
from .shadow_attack import ShadowAttack, forget_margins


class LiraOffline(ShadowAttack):
    """Scores an example by how much better the model knows it than models that never saw it do."""

    name: ClassVar[str] = "lira_offline"

    def scores(
        self,
        outputs: Outputs,
        target: ModelKey,
        inside: Sequence[ModelKey],  # noqa: ARG002  # offline: no shadow models were trained on the examples
        outside: Sequence[ModelKey],
    ) -> Array:
        return lira_offline(outputs.vector(target, "forget", "margin"), forget_margins(outputs, outside))


def lira_offline(target: Array, outside: Array) -> Array:
    """Return 1 - P[N(out) > φ] for every example, between 0 and 1; values near 1 indicate membership.

    Args:
        target: margins φ of the attacked model (examples,).
        outside: margins of shadow models that never saw the examples (n, examples).

    Returns:
        (examples,)
    """
    mean, deviation = fit_normal_shared(outside)
    return np.asarray(ndtr((target - mean) / deviation))
