"""Exact unlearning by subtraction (Cao and Yang 2015, IEEE S&P, pp. 463-480)."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.families.sums import Sums
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context

CHUNK = 1024
"""Examples that are subtracted at once."""


class Summation:
    """Subtracts the forget set's contributions from the sums and solves again. No other example is read."""

    name: ClassVar[str] = "summation"

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the model does not keep sums.
            SpecError: the sums are not those of the examples that the context names.
        """
        result = model.copy_to(context.device)
        if not isinstance(sums := result.network, Sums):
            message = "Only a model that was learned through sums can forget by subtraction; choose another method."
            raise ObstacleError(message)
        _check_examples(sums, context)
        forget = model.family.encode(context.training_data.snapshot.get(context.forget_ids))
        for positions in forget.sweep(CHUNK):
            batch = forget.batch(positions, context.device)
            sums.subtract(batch.inputs, batch.labels)
            on_progress(Progress("unlearn", positions[-1] + 1, len(forget)))
        sums.settle()
        return result


def _check_examples(sums: Sums, context: Context) -> None:
    """Check the number of examples, which is all that sums say about them."""
    held, named = int(sums.examples.sum()), len(context.forget_ids) + len(context.retain_ids)
    if held != named:
        message = (
            f"The model was learned from {held} examples, and the job names {named} to forget or retain: some were forgotten"
            " before, or never learned. Name the earlier steps, or retrain the model."
        )
        raise SpecError(message)
