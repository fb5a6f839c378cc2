"""SCRUB, with rewinding (Kurmanji et al. 2023, Towards Unbounded Machine Unlearning, arXiv 2302.09880)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Hooks, Pass, take_passes
from .losses import cross_entropy, divergence, reference_answers
from .rewinding import Rewinding, RewindPoint, closest


class Scrub:
    """A student, at first a copy of the original, disobeys it on the examples to forget and obeys it on the others.

    The first `max_epochs` epochs begin with a max-pass, which ascends KL(original || student) on the examples to forget;
    every epoch ends with a min-pass, which descends alpha x KL(original || student) + gamma x cross-entropy on the examples
    to retain (the paper's section on SCRUB). Both divergences are taken at the temperature. The optimiser, which moves the
    student alone, and its schedule are the recipe's; the paper's learning rate falls in steps.

    `rewind` "held_out" is SCRUB+R (the section on rewinding): the result is the checkpoint, one per epoch, whose error on
    the examples to forget is closest to the finished student's on held-out examples of the same classes; the later one
    where two are as close. That fits people's privacy. Where labels were wrong the paper wants the forget error as high as
    it gets, and held-out examples of that class are no measure.
    """

    name: ClassVar[str] = "scrub"

    def __init__(
        self,
        *,
        epochs: int,
        max_epochs: int,
        forget_batch: int,
        alpha: float,
        gamma: float,
        temperature: float,
        rewind: str,
        learning_rate_share: float,
    ) -> None:
        self.epochs = epochs
        self.max_epochs = max_epochs
        self.forget_batch = forget_batch
        self.alpha = alpha
        self.gamma = gamma
        self.temperature = temperature
        self.rewind = rewind
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: rewinding needs held-out examples and there are none.
            TrainingDivergedError: the loss became NaN or infinite.
        """
        if self.rewind == "held_out" and not context.held_out_ids:
            message = "Rewinding needs held-out examples, and the corpus has none; set rewind to none."
            raise ObstacleError(message)
        student, training_data = model.copy_to(context.device), context.training_data
        forget = training_data.subset(context.forget_ids)

        def disobey(predictions: Predictions, batch: Batch, _places: object) -> Tensor:
            return -divergence(reference_answers(model, batch, context.counter).logits, predictions.logits, self.temperature)

        def obey(predictions: Predictions, batch: Batch, _places: object) -> Tensor:
            apart = divergence(reference_answers(model, batch, context.counter).logits, predictions.logits, self.temperature)
            return self.alpha * apart + self.gamma * cross_entropy(predictions)

        max_pass = Pass(forget, self.forget_batch, disobey)
        min_pass = Pass(training_data.without(context.exclude_ids), training_data.recipe.batch_size, obey)
        passes = [one for epoch in range(self.epochs) for one in (max_pass, min_pass)[epoch >= self.max_epochs :]]
        rewinding = Rewinding(student, context) if self.rewind == "held_out" else None
        checkpoints: list[RewindPoint] = []

        def keep(number: int, done: int) -> None:
            if rewinding and passes[number] is min_pass:
                checkpoints.append(rewinding.checkpoint(done))

        curves = take_passes(
            student,
            passes,
            context,
            on_progress,
            peak_share=self.learning_rate_share,
            hooks=Hooks(after_pass=keep),
        )
        if rewinding:
            chosen = closest(checkpoints, rewinding.reference_error())
            rewinding.go_back_to(chosen)
            curves.note_margins(chosen.step)
        return student
