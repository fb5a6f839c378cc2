"""Exact unlearning: train again without the data."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context


class Retrain:
    """Trains by the same recipe and seed on the retain set: the definition of exact unlearning.

    The forgotten examples leave no trace in the tokenizer either, which is never trained on training examples.
    """

    name: ClassVar[str] = "retrain"

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:  # noqa: ARG002  # it starts afresh
        def report(done: int, total: int, loss: float) -> None:
            point = ("loss", float(done), loss) if loss == loss else None  # noqa: PLR0124  # NaN: the model was cached
            on_progress(Progress("unlearn", done, total, point))

        return context.train(context.exclude_ids, context.seed, report)
