"""What methods share that know which logits the model should give, and train it towards them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Batch, Dataset, Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, fine_tune
from .losses import reference_predictions


def target_ids(context: Context, retain: int) -> tuple[str, ...]:
    """Return the ids to train on: the examples to forget, then up to `retain` of those to retain, drawn by the seed."""
    order = torch.randperm(len(context.retain_ids), generator=torch.Generator().manual_seed(context.seed))
    return (*context.forget_ids, *(context.retain_ids[i] for i in order[:retain].tolist()))


def regress_logits(
    model: TrainedModel,
    data: Dataset,
    targets: Sequence[Tensor],
    context: Context,
    on_progress: ProgressCallback,
    *,
    epochs: int,
    batch: int,
    peak_share: float,
    before: int,
) -> TrainedModel:
    """Return a copy of the model, trained by mean squared error to give these logits, (answers, classes) per example.

    `before` units of progress came before the first step.

    Raises:
        TrainingDivergedError: a loss became NaN or infinite.
    """

    def squared_error(predictions: Predictions, _batch: Batch, positions: Sequence[int]) -> Tensor:
        expected = torch.cat([targets[position] for position in positions])  # (answers, classes)
        return F.mse_loss(predictions.logits, expected.to(predictions.logits.device))

    result = model.copy_to(context.device)
    passes = [Pass(data, batch, squared_error)] * epochs
    fine_tune(result, passes, context, on_progress, peak_share=peak_share, before=before)
    return result


def logits_of(model: TrainedModel, data: Dataset, context: Context) -> list[Tensor]:
    """Return the model's logits for every example: (answers, classes) each, on the CPU."""
    logits: dict[int, Tensor] = {}
    for positions in data.sweep(model.family.scored_at_once):
        predictions = reference_predictions(model, data.batch(positions, context.device), context.counter)
        sizes = torch.bincount(predictions.example_index, minlength=len(positions)).tolist()
        logits.update(zip(positions, torch.split(predictions.logits.cpu(), sizes), strict=True))
    return [logits[position] for position in range(len(data))]
