"""Unlearning that training has paid for: a privately trained model may stay as it is (DP-SGD and group privacy).

Abadi et al. 2016, arXiv 1607.00133; differential privacy as a guarantee of deletion: Ginart et al. 2019, arXiv 1907.05012.
"""

from __future__ import annotations

from typing import ClassVar

from compliance.formats.certificates import DEFINITIONS
from compliance.formats.results import Certificate
from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.privacy_budget import (
    broken_promise,
    budget_share,
    erased_examples,
    group_privacy,
    overspent,
)
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context

ASSUMPTIONS = (
    (
        "The model was trained by this recipe: Poisson sampling, gradients scaled down example by example, Gaussian"
        " noise at every step. The recorded process shows that; the weights do not."
    ),
    (
        "Noise and batches cannot be guessed. They come from a pseudo-random generator that is seeded with the snapshot's"
        " secret key, the seed and the training set: whoever holds the key can work them out. The generator is not"
        " cryptographic."
    ),
    (
        "The guarantee is about these examples. Whatever else the corpus holds about the same person under other example"
        " ids was found and counted."
    ),
    (
        "Recipe, features and classes were chosen without looking at the erased examples. Choosing among several"
        " trainings by their results would cost privacy that is not counted here."
    ),
)
NOT_COVERED = (
    "Requests that were chosen after looking at the model: the guarantee is for erasures that do not depend on it.",
    "Anything kept beside the weights: loss curves, evaluations, checkpoints, caches and other models of the same corpus.",
    "The corpus itself, and what examples that stay say about the same people.",
)


class DpSgd:
    """Leaves the weights as they are, and spends some of the model's group-privacy budget."""

    name: ClassVar[str] = "dp_sgd"

    def __init__(self, *, max_epsilon: float, max_delta: float) -> None:
        self.max_epsilon = max_epsilon
        self.max_delta = max_delta

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        context.counter.add(0)
        on_progress(Progress("unlearn", 1, 1))
        return model

    def certificate(self, model: TrainedModel, context: Context) -> Certificate:
        """See `CertifiedMethod`. The guarantee is for all examples erased since the model was trained, this step included.

        Raises:
            ObstacleError: the model was not trained privately, or was changed since, or its budget is spent.
        """
        if problem := broken_promise(context.earlier, self.name):
            raise ObstacleError(problem)
        if model.privacy is None:
            message = "The model was not trained privately, so leaving it as it is guarantees nothing; retrain it."
            raise ObstacleError(message)
        erased = erased_examples(context.earlier, len(context.forget_ids))
        limits = {"max_epsilon": self.max_epsilon, "max_delta": self.max_delta}
        if problem := overspent(model.privacy.epsilon, model.privacy.delta, erased, **limits):
            raise ObstacleError(problem)
        epsilon, delta = group_privacy(model.privacy.epsilon, model.privacy.delta, erased)
        return Certificate(
            definition=DEFINITIONS[self.name][0],
            epsilon=epsilon,
            delta=delta,
            records=erased,
            budget_spent=budget_share(epsilon, delta, **limits),
            assumptions=(*ASSUMPTIONS, _people(context)),
            not_covered=NOT_COVERED,
        )


def _people(context: Context) -> str:
    privacy = context.training_data.recipe.privacy
    most = privacy.records_per_person if privacy else None
    if most is None:
        return "How many examples one person can have is not stated, so nothing is promised to people who are not erased."
    return f"No person has more than {most} examples in the corpus, as the recipe states."
