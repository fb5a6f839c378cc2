"""What a model knows of the forget set after it was fine-tuned on a few of its examples (Hu et al. 2024)."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .metric import ModelMetric

STATISTIC: Final = "relearned"


class Relearning(ModelMetric):
    """Averages the probability of the forget examples that the attacker did not have, after the attack.

    Above the oracles' values, the model still holds what it does not say. There is no finding if any model could not be
    attacked, because a loss became infinite.
    """

    name: ClassVar[str] = "relearning"

    def applies(self, outputs: Outputs, name: str) -> bool:
        attacked = (outputs.models("unlearned")[0], outputs.models("original")[0], *outputs.models("oracle"))
        return name == "forget" and all(len(_others(outputs, model)) for model in attacked)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:  # noqa: ARG002  # only the forget set is attacked
        return float(np.exp(outputs.vector(model, "forget", STATISTIC)[_others(outputs, model)]).mean())

    def note(self, outputs: Outputs, name: str) -> str:
        shipped = outputs.models("unlearned")[0]
        others = _others(outputs, shipped)
        before = [
            float(np.exp(outputs.vector(model, name, "log_likelihood")[others]).mean())
            for model in (shipped, *outputs.models("oracle"))
        ]
        return (
            f"Fine-tuned on {len(outputs.ids[name]) - len(others)} of the forget examples, measured on the {len(others)}"
            f" others. Before, the unlearned model's value was {before[0]:.3f}, and the oracles' {min(before[1:]):.3f} to"
            f" {max(before[1:]):.3f}."
        )


def _others(outputs: Outputs, model: ModelKey) -> list[int]:
    """Return the positions of the examples that the attacker did not have; none if the model was not attacked."""
    return np.flatnonzero(np.isfinite(outputs.vector(model, "forget", STATISTIC))).tolist()
