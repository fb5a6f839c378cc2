"""What a run shows of itself on the way: its progress, its loss, and how well it still knows what it is to forget."""

from __future__ import annotations

import math

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins

from .context import Context

CURVE_POINTS = 20
"""Where somebody looks: at least so many where there are as many steps; fewer than twice as many."""
FEW_POINTS = 3
"""The same where nobody does, as with replicates: looking took a third of the time that small models unlearn in."""
CURVE_EXAMPLES = 32
TRAJECTORY_EXAMPLES = 200
"""Examples to forget that are followed one by one, where somebody looks."""


class Curves:
    """Follows one run of `total` steps on `model`, in the stage "unlearn".

    `before` units of progress came before the first step. The margins of the start are noted at once, as step 0.
    """

    def __init__(
        self, model: TrainedModel, context: Context, on_progress: ProgressCallback, *, total: int, before: int = 0
    ) -> None:
        self.model, self.context, self.on_progress = model, context, on_progress
        self.total, self.before = total, before
        self.every = max(1, total // (CURVE_POINTS if context.on_margins else FEW_POINTS))
        self.ids = context.forget_ids[: TRAJECTORY_EXAMPLES if context.on_margins else CURVE_EXAMPLES]
        self.forget = context.training_data.subset(self.ids)
        self.retain = context.training_data.subset(context.retain_ids[:CURVE_EXAMPLES])
        if context.on_margins:
            self.note_margins(0)

    def step(self, done: int, loss: float) -> None:
        """After so many steps; `loss` is the last one's.

        Raises:
            TrainingDivergedError: the loss is NaN or infinite.
        """
        if not math.isfinite(loss):
            message = f"The loss became {loss} after {done} of {self.total} steps; lower learning_rate_share."
            raise TrainingDivergedError(message)
        self._report("loss", done, loss)
        if done % self.every == 0 or done == self.total:
            forget = self.note_margins(done)
            self._report("forget", done, sum(forget) / len(forget))
            retain = self._in_evaluation(self.retain)
            self._report("retain", done, sum(retain) / len(retain))

    def note_margins(self, done: int) -> list[float]:
        """The margins of the examples to forget as the model is now, noted as those of this step."""
        margins = self._in_evaluation(self.forget)
        if self.context.on_margins:
            self.context.on_margins(done, dict(zip(self.ids, margins, strict=True)))
        return margins

    def _in_evaluation(self, data: Dataset) -> list[float]:
        """Margins as the finished model would have them: looking must not move the statistics of a batch normalisation."""
        network = self.model.network
        training = network.training
        network.eval()
        margins = mean_margins(self.model, data)
        network.train(training)
        return margins

    def _report(self, curve: str, done: int, value: float) -> None:
        place, whole = self.before + done, self.before + self.total
        self.on_progress(Progress("unlearn", place, whole, (curve, float(done), value)))
