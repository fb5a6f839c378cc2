"""Certified removal from logistic regressions (Guo et al. 2020, arXiv 1911.03030)."""

from __future__ import annotations

from typing import ClassVar, cast

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.contracts.privacy import Certificate
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.families.logistic import LogisticFamily, LogisticHeads, removal_budget
from unlearning_jobs.engine.families.one_vs_rest import Majorant
from unlearning_jobs.engine.privacy_budget import broken_promise, erased_examples
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context

DEFINITION = (
    "However a set S of models is chosen: P(this model in S) <= e^epsilon P(the optimum without the erased records in S)"
    " + delta, and the same the other way round, over the random perturbation of the objective."
)
ASSUMPTIONS = (
    (
        "The features are frozen: whatever made them from raw data never saw the erased records. Every row is scaled,"
        " by itself, to a norm of at most 1."
    ),
    (
        "The model was trained by this recipe to its optimum, with the perturbation drawn afresh; the gradient that"
        " the solver left counts against the budget."
    ),
    (
        "The perturbation cannot be guessed. It comes from a pseudo-random generator that starts from the snapshot's"
        " secret key, the seed and what was trained on: whoever holds the key sees through it. The generator is not a"
        " cryptographic one."
    ),
    (
        "Epsilon and delta were fixed in the recipe before the first removal. Whether the bound holds the budget was"
        " decided by looking at the data, as the method does."
    ),
    (
        "A record is one example of the corpus. What else the corpus holds about the same person under other record"
        " ids was found and erased as well."
    ),
)
NOT_COVERED = (
    (
        "Requests that were chosen after looking at the model (Gupta et al. 2021, arXiv 2106.04378): the promise is"
        " for removals that do not depend on it."
    ),
    (
        "Anyone who holds an earlier version of the model, and anything kept beside the weights: evaluations, caches"
        " and other models of the same corpus."
    ),
    "The network that made the features, and what others say about the same people in records that stay.",
)


class CertifiedRemoval:
    """Newton steps towards the optimum without the records, a few at a time, each with a bound on what it leaves.

    The bounds add up over the model's whole life, in its folder. The smaller the steps, the less of the budget they use, and
    the more they cost.
    """

    name: ClassVar[str] = "certified_removal"

    def __init__(self, *, records_per_step: int) -> None:
        self.records_per_step = records_per_step

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`. A spent budget is said by `certificate`.

        Raises:
            ObstacleError: the model is no logistic regression.
        """
        if not isinstance(model.family, LogisticFamily):
            message = "Certified removal needs a convex loss; it works on recipes of the family logistic only."
            raise ObstacleError(message)
        result, family = model.copy_to(context.device), model.family
        heads, data = cast("LogisticHeads", result.network), cast("Arrays", context.training_data.data)
        records, place = family.records(heads, data), context.training_data.places
        going = [place[identifier] for identifier in context.forget_ids]
        left = {place[identifier] for identifier in (*context.retain_ids, *context.forget_ids)}
        majorant = Majorant.of(records.take(sorted(left)), family.architecture.regularisation)
        groups = [going[i : i + self.records_per_step] for i in range(0, len(going), self.records_per_step)]
        for done, group in enumerate(groups, start=1):
            left.difference_update(group)
            context.counter.add(len(left))  # a Newton step is one pass over what is left
            family.forget(heads, records.take(sorted(left)), records.take(group), majorant)
            on_progress(Progress("unlearn", done, len(groups)))
        return result

    def certificate(self, model: TrainedModel, context: Context) -> Certificate:
        """See `CertifiedMethod`. The promise is for all records removed since the model was trained.

        Raises:
            ObstacleError: the budget is spent, or the model was changed in another way since it was trained.
        """
        architecture = cast("LogisticFamily", model.family).architecture
        heads = cast("LogisticHeads", model.network)
        records = erased_examples(context.earlier, len(context.forget_ids))
        if problem := broken_promise(context.earlier, self.name):
            raise ObstacleError(problem)
        if int(heads.removals) != records:
            message = (
                f"The model counts {int(heads.removals)} removals and the steps since its training name {records} records:"
                " it is not the one that they made. Retrain it."
            )
            raise ObstacleError(message)
        spent = heads.bound() / removal_budget(architecture)
        if not spent <= 1:
            message = (
                f"These removals would bring the model to {spent:.2f} of its budget: beyond 1 the noise of its training no"
                " longer hides what they leave. Retrain it without the records."
            )
            raise ObstacleError(message)
        return Certificate(
            definition=DEFINITION,
            epsilon=architecture.epsilon,
            delta=architecture.delta,
            records=records,
            budget_spent=spent,
            assumptions=ASSUMPTIONS,
            not_covered=NOT_COVERED,
        )
