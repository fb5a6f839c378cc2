"""Certified removal from logistic regressions (Guo et al. 2020, arXiv 1911.03030)."""

from __future__ import annotations

from typing import ClassVar, cast

from compliance.formats.certificates import DEFINITIONS
from compliance.formats.results import Certificate
from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.contracts.families import families_that
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.families.logistic import LogisticFamily, LogisticHeads, removal_budget
from unlearning_jobs.engine.families.one_vs_rest import Majorant
from unlearning_jobs.engine.privacy_budget import broken_promise, erased_examples
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context

ASSUMPTIONS = (
    (
        "The features are frozen: whatever made them from raw data never saw the erased examples. Every row is scaled"
        " on its own to a norm of at most 1."
    ),
    (
        "The model was trained by this recipe to its optimum, with a newly drawn perturbation; the gradient that the"
        " solver left counts against the budget."
    ),
    (
        "The perturbation cannot be guessed. It comes from a pseudo-random generator that is seeded with the snapshot's"
        " secret key, the seed and the training set: whoever holds the key can work it out. The generator is not"
        " cryptographic."
    ),
    (
        "Epsilon and delta were fixed in the recipe before the first removal. Whether the bound is within the budget was"
        " decided by looking at the data, as the method does."
    ),
    (
        "The guarantee is about these examples. Whatever else the corpus holds about the same person under other example"
        " ids was found and erased as well."
    ),
)
NOT_COVERED = (
    (
        "Requests that were chosen after looking at the model (Gupta et al. 2021, arXiv 2106.04378): the guarantee is"
        " for removals that do not depend on the model."
    ),
    (
        "Anyone who holds an earlier version of the model, and anything kept beside the weights: evaluations, caches"
        " and other models of the same corpus."
    ),
    "The network that made the features, and what examples that stay say about the same people.",
)


class CertifiedRemoval:
    """Takes Newton steps towards the optimum without the examples, a few examples at a time, and bounds what each leaves.

    The bounds add up over the model's whole life, and are saved with it. Smaller steps use less of the budget and cost more.
    """

    name: ClassVar[str] = "certified_removal"

    def __init__(self, *, records_per_step: int) -> None:
        self.records_per_step = records_per_step

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`. Whether the budget is spent is checked by `certificate`.

        Raises:
            ObstacleError: the model's family does not certify removals.
        """
        if not model.family.description.certifies_removal:
            families = " or ".join(families_that(lambda family: family.certifies_removal))
            message = f"Certified removal needs a convex loss; it works on recipes of the family {families} only."
            raise ObstacleError(message)
        result, family = model.copy_to(context.device), cast("LogisticFamily", model.family)
        heads, data = cast("LogisticHeads", result.network), cast("Arrays", context.training_data.data)
        examples, position_of = family.examples(heads, data), context.training_data.position_of
        removed = [position_of[example_id] for example_id in context.forget_ids]
        remaining = {position_of[example_id] for example_id in (*context.retain_ids, *context.forget_ids)}
        majorant = Majorant.of(examples.take(sorted(remaining)), family.architecture.regularisation)
        groups = [removed[i : i + self.records_per_step] for i in range(0, len(removed), self.records_per_step)]
        for done, group in enumerate(groups, start=1):
            remaining.difference_update(group)
            context.counter.add(len(remaining))  # a Newton step passes once over all examples that remain
            family.forget(heads, examples.take(sorted(remaining)), examples.take(group), majorant)
            on_progress(Progress("unlearn", done, len(groups)))
        return result

    def certificate(self, model: TrainedModel, context: Context) -> Certificate:
        """See `CertifiedMethod`. The guarantee is for all examples removed since the model was trained.

        Raises:
            ObstacleError: the budget is spent, or another method has changed the model since it was trained.
        """
        architecture = cast("LogisticFamily", model.family).architecture
        heads = cast("LogisticHeads", model.network)
        erased = erased_examples(context.earlier, len(context.forget_ids))
        if problem := broken_promise(context.earlier, self.name):
            raise ObstacleError(problem)
        if int(heads.removals) != erased:
            message = (
                f"The model counts {int(heads.removals)} removals, and the steps since its training name {erased} examples:"
                " it is not the model that those steps made. Retrain it."
            )
            raise ObstacleError(message)
        spent = heads.bound() / removal_budget(architecture)
        if not spent <= 1:
            message = (
                f"These removals would bring the model to {spent:.2f} of its budget: beyond 1, the noise of its training no"
                " longer hides what they leave. Retrain it without the examples."
            )
            raise ObstacleError(message)
        return Certificate(
            definition=DEFINITIONS[self.name][0],
            epsilon=architecture.epsilon,
            delta=architecture.delta,
            records=erased,
            budget_spent=spent,
            assumptions=ASSUMPTIONS,
            not_covered=NOT_COVERED,
        )
