"""What a run reports while it goes on: progress, loss, and how well the model still knows the examples to forget."""

from __future__ import annotations

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins

from .context import Context

CURVE_POINTS = 20
"""Points of a curve that somebody watches: at least as many, given enough steps, and fewer than twice as many."""
FEW_POINTS = 3
"""The same for runs that nobody watches, such as replicates: measuring took a third of the time of small models."""
CURVE_EXAMPLES = 32
TRAJECTORY_EXAMPLES = 200
"""Examples to forget that are followed one by one, if somebody watches."""


class Curves:
    """Follows one run of `total` steps on `model`, in the stage "unlearn".

    `before` units of progress came before the first step. If somebody watches, the margins at the start are noted as step 0.
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

    def looks_at(self, done: int) -> bool:
        """Say whether margins are measured after this step, so that `step` must be called before the next one."""
        return done % self.every == 0 or done == self.total

    def step(self, done: int, _total: int, loss: float) -> None:
        """Report a step: its loss, and now and then the mean margins. This is the `StepCallback` of the run."""
        self._report("loss", done, loss)
        if self.looks_at(done):
            forget = self.note_margins(done)
            self._report("forget", done, sum(forget) / len(forget))
            retain = self._in_evaluation(self.retain)
            self._report("retain", done, sum(retain) / len(retain))

    def note_margins(self, done: int) -> list[float]:
        """Measure the margins of the examples to forget, and note them as those of this step."""
        margins = self._in_evaluation(self.forget)
        if self.context.on_margins:
            self.context.on_margins(done, dict(zip(self.ids, margins, strict=True)))
        return margins

    def _in_evaluation(self, data: Dataset) -> list[float]:
        """Measure margins in evaluation mode, so that the statistics of batch normalisation do not change."""
        network = self.model.network
        training = network.training
        network.eval()
        margins = mean_margins(self.model, data)
        network.train(training)
        return margins

    def _report(self, curve: str, done: int, value: float) -> None:
        units, total = self.before + done, self.before + self.total
        self.on_progress(Progress("unlearn", units, total, (curve, float(done), value)))
