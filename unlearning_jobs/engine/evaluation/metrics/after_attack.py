"""What a model knows of the forget set under an attack: the kind of metric that most attacks have."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .metric import ModelMetric, exists


def compared(outputs: Outputs) -> tuple[ModelKey, ...]:
    """Return the models that attacks are carried out on: the shipped one, its original, and the oracles."""
    return (outputs.models("unlearned")[0], outputs.models("original")[0], *outputs.models("oracle"))


class AfterAttack(ModelMetric):
    """Averages the probability of the forget examples under an attack.

    Above the oracles' values, the model still holds what it does not say. There is no finding unless all models could be
    attacked, and on the same examples.
    """

    statistic: ClassVar[str]
    """The log-likelihood under the attack; NaN of examples that it cannot be carried out on."""

    def applies(self, outputs: Outputs, name: str) -> bool:
        if name != "forget":
            return False
        missing = [np.isnan(outputs.vector(model, name, self.statistic)) for model in compared(outputs)]
        return not missing[0].all() and all((one == missing[0]).all() for one in missing)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return probability(outputs.vector(model, name, self.statistic)[self.attacked(outputs, name)])

    def note(self, outputs: Outputs, name: str) -> str:
        return " ".join(filter(None, (self.about(outputs, name), self._before(outputs, name))))

    def about(self, outputs: Outputs, name: str) -> str:  # noqa: ARG002  # for subclasses that have something to say
        """Return what a reader needs to know about this attack, beside what was known before."""
        return ""

    def attacked(self, outputs: Outputs, name: str) -> Array:
        """Return which examples the attack was carried out on: (examples,), true or false."""
        return ~np.isnan(outputs.vector(compared(outputs)[0], name, self.statistic))

    def _before(self, outputs: Outputs, name: str) -> str:
        if not exists(outputs, name, "log_likelihood"):
            return ""
        models, attacked = compared(outputs), self.attacked(outputs, name)
        shipped, before, *oracles = (probability(outputs.vector(one, name, "log_likelihood")[attacked]) for one in models)
        if not oracles:
            return f"Without the attack, the unlearned model's value is {shipped:.3f}, and the original's {before:.3f}."
        return (
            f"Without the attack, the unlearned model's value is {shipped:.3f}, and the oracles' {min(oracles):.3f} to"
            f" {max(oracles):.3f}."
        )


def probability(log_likelihoods: Array) -> float:
    """Return the mean of the probabilities."""
    return float(np.exp(log_likelihoods).mean())
