"""The control: leave the model as it is."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context


class Nothing:
    """Returns the model unchanged. An evaluation that this passes has no power."""

    name: ClassVar[str] = "nothing"

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        context.counter.add(0)
        on_progress(Progress("unlearn", 1, 1))
        return model
