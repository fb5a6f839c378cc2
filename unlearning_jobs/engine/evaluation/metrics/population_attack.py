"""Population attack: members have a smaller loss than others (Yeom et al. 2018, arXiv 1709.01604)."""

from __future__ import annotations

from typing import ClassVar, Final

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.roc import auc, true_positive_rate

from .metric import ModelMetric, exists

FALSE_POSITIVES: Final = 0.01


class PopulationAttack(ModelMetric):
    """Computes the AUC of telling forget from held-out examples by one model's log-likelihood.

    It is a smoke test that needs no shadow models. It overstates privacy, because it sees only what shows on average. The
    oracles' value need not be 1/2, because the two sets differ in more than membership; the unlearned model should reach
    the oracles' value.
    """

    name: ClassVar[str] = "population_attack"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return name == "forget" and exists(outputs, name, "log_likelihood") and exists(outputs, "held_out", "log_likelihood")

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return auc(*(outputs.vector(model, examples, "log_likelihood") for examples in (name, "held_out")))

    def note(self, outputs: Outputs, name: str) -> str:
        members, population = (
            outputs.vector(outputs.models("unlearned")[0], examples, "log_likelihood") for examples in (name, "held_out")
        )
        rate = population_attack(members, population, false_positive_rate=FALSE_POSITIVES)
        return (
            f"{len(members)} forget examples against {len(population)} held-out examples; the unlearned model's"
            f" true-positive rate at 1 % false positives is {rate:.3f}."
        )


def population_attack(members: Array, population: Array, *, false_positive_rate: float) -> float:
    """Return the true-positive rate of the rule "its log-likelihood is above the population's upper quantile".

    Args:
        members: log-likelihoods of the examples in question (examples,).
        population: log-likelihoods of examples that no model was trained on (others,).
        false_positive_rate: share of the population that may be taken for members.
    """
    return true_positive_rate(members, population, false_positive_rate=false_positive_rate)
