"""The loop that methods share which know what the answers should be, and train the model towards them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Batch, Dataset, Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, take_passes
from .losses import reference_answers

REFERENCE_BATCH = 64


def matched_ids(context: Context, retain: int) -> tuple[str, ...]:
    """Ids of the examples to forget, then of so many of those to retain, drawn by the seed; all where there are fewer."""
    order = torch.randperm(len(context.retain_ids), generator=torch.Generator().manual_seed(context.seed))
    return (*context.forget_ids, *(context.retain_ids[i] for i in order[:retain].tolist()))


def match_answers(
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
    """A copy of the model that was trained towards the targets, (answers, classes) per example, by mean squared error.

    `before` units of progress came first.

    Raises:
        TrainingDivergedError: a loss became NaN or infinite.
    """

    def distance(predictions: Predictions, _batch: Batch, places: Sequence[int]) -> Tensor:
        return F.mse_loss(predictions.logits, torch.cat([targets[place] for place in places]).to(predictions.logits.device))

    result = model.copy_to(context.device)
    passes = [Pass(data, batch, distance)] * epochs
    take_passes(result, passes, context, on_progress, peak_share=peak_share, before=before)
    return result


def logits_of(model: TrainedModel, data: Dataset, context: Context) -> list[Tensor]:
    """What a model says about every example: (answers, classes) each, on the CPU."""
    found: dict[int, Tensor] = {}
    for positions in data.sweep(REFERENCE_BATCH):
        predictions = reference_answers(model, data.batch(positions, context.device), context.counter)
        sizes = torch.bincount(predictions.rows, minlength=len(positions)).tolist()
        found.update(zip(positions, torch.split(predictions.logits.cpu(), sizes), strict=True))
    return [found[place] for place in range(len(data))]
