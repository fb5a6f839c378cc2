"""Oracle matching: an upper bound for methods that predict the oracles' logits (Georgiev et al. 2025, arXiv 2410.23232)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import count, islice
from typing import ClassVar

from torch import Tensor

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .logit_regression import logits_of, regress_logits, target_ids

FIRST_SEED = 1_900_000_001
UNITS = 100
"""Units of progress per oracle."""


class OracleMatching:
    """Trains real oracles, and then trains the original towards their mean logits by mean squared error.

    It does so on the examples to forget, and on `retain_multiplier` times as many drawn from those to retain. It costs
    several retrainings, and is here to show how close fine-tuning can come at best. Its oracles have seeds of their own,
    none of which the audit uses. All models unlearned for one audit are trained towards the same oracles, and share their
    error.
    """

    name: ClassVar[str] = "oracle_matching"

    def __init__(
        self, *, oracles: int, epochs: int, batch: int, retain_multiplier: float, learning_rate_share: float
    ) -> None:
        self.oracles = oracles
        self.epochs = epochs
        self.batch = batch
        self.retain_multiplier = retain_multiplier
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            TrainingDivergedError: a loss became NaN or infinite.
        """
        ids = target_ids(context, round(self.retain_multiplier * len(context.forget_ids)))
        data = context.training_data.subset(ids)
        steps, before = self.epochs * math.ceil(len(data) / self.batch), UNITS * self.oracles
        mean: list[Tensor] = []  # of the oracles so far: there are no more logits in memory than one oracle's beside it
        for number, seed in enumerate(oracle_seeds(context.taken_seeds, self.oracles)):

            def report(done: int, total: int, _loss: float, number: int = number) -> None:
                on_progress(Progress("unlearn", UNITS * number + UNITS * done // total, before + steps))

            add_to_mean(mean, logits_of(context.train(context.exclude_ids, seed, report), data, context), number)
        return regress_logits(
            model,
            data,
            mean,
            context,
            on_progress,
            epochs=self.epochs,
            batch=self.batch,
            peak_share=self.learning_rate_share,
            before=before,
        )


def add_to_mean(mean: list[Tensor], logits: Sequence[Tensor], before: int) -> None:
    """Take one more model's logits into the mean of those `before` it, in place: a tensor for each example."""
    for position, new in enumerate(logits):
        if before:
            mean[position].lerp_(new, 1 / (before + 1))
        else:
            mean.append(new)


def oracle_seeds(taken: Collection[int], number: int) -> list[int]:
    """Return seeds that are not taken."""
    return list(islice((seed for seed in count(FIRST_SEED) if seed not in taken), number))
