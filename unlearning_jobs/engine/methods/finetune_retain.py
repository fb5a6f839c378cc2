"""Fine-tuning on the retain set (the baseline of the NeurIPS 2023 unlearning challenge's starting kit)."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, fine_tune
from .losses import cross_entropy


class FinetuneRetain:
    """Trains on for some epochs on the examples to retain only, and relies on the others fading meanwhile."""

    name: ClassVar[str] = "finetune_retain"

    def __init__(self, *, epochs: int, learning_rate_share: float) -> None:
        self.epochs = epochs
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            TrainingDivergedError: the loss became NaN or infinite.
        """
        result, training_data = model.copy_to(context.device), context.training_data
        retain = training_data.without(context.exclude_ids)
        epoch = Pass(retain, training_data.recipe.batch_size, lambda predictions, *_: cross_entropy(predictions))
        fine_tune(result, [epoch] * self.epochs, context, on_progress, peak_share=self.learning_rate_share)
        return result
