"""SCRUB, with rewinding (Kurmanji et al. 2023, Towards Unbounded Machine Unlearning, arXiv 2302.09880)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, fine_tune
from .losses import cross_entropy, divergence, reference_predictions
from .rewinding import Rewinding, RewindPoint, closest


class Scrub:
    """Trains a student, at first a copy of the original, to disobey it on the examples to forget and obey it on the others.

    The first `max_epochs` epochs begin with a max-pass, which ascends KL(original || student) on the examples to forget.
    Every epoch ends with a min-pass, which descends alpha x KL(original || student) + gamma x cross-entropy on the examples
    to retain (the paper's section on SCRUB). Both divergences are taken at the temperature. The optimiser is the recipe's
    and moves only the student; the learning rate rises and falls as in fine-tuning, while the paper's falls in steps.

    `rewind` "held_out" is SCRUB+R (the section on rewinding): there is a rewind point after every epoch, and the result is
    the one whose error on the examples to forget is closest to the finished student's error on held-out examples of the same
    classes, the later one of two that are equally close. That suits privacy. If the labels to forget were wrong, the paper
    wants the forget error as high as possible, and held-out examples of that class are the wrong measure.
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

        # 1. The passes: the original is the teacher in both kinds.
        def distance(predictions: Predictions, batch: Batch) -> Tensor:
            teacher = reference_predictions(model, batch, context.counter)
            return divergence(teacher.logits, predictions.logits, self.temperature)

        def disobey(predictions: Predictions, batch: Batch, _positions: object) -> Tensor:
            return -distance(predictions, batch)

        def obey(predictions: Predictions, batch: Batch, _positions: object) -> Tensor:
            return self.alpha * distance(predictions, batch) + self.gamma * cross_entropy(predictions)

        max_pass = Pass(forget, self.forget_batch, disobey)
        min_pass = Pass(training_data.without(context.exclude_ids), training_data.recipe.batch_size, obey)
        passes = [each for epoch in range(self.epochs) for each in (max_pass, min_pass)[epoch >= self.max_epochs :]]

        # 2. Take them, with a rewind point at the end of every epoch.
        rewinding = Rewinding(student, context) if self.rewind == "held_out" else None
        points: list[RewindPoint] = []

        def keep(number: int, done: int) -> None:
            if rewinding and passes[number] is min_pass:
                points.append(rewinding.point(done))

        curves = fine_tune(student, passes, context, on_progress, peak_share=self.learning_rate_share, after_pass=keep)

        # 3. Go back to the best of them.
        if rewinding:
            best = closest(points, rewinding.reference_error())
            rewinding.go_back_to(best)
            curves.note_margins(best.step)
        return student
