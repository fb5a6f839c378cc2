"""Negated task vectors (Ilharco et al. 2022, Editing Models with Task Arithmetic, arXiv 2212.04089)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.catalogue.finetuning import SEARCHED_EXAMPLES, TRIALS
from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .context import Context
from .curves import Curves
from .finetune import Pass, fine_tune
from .losses import cross_entropy


class TaskVector:
    """Sets w <- w - alpha x (w_tuned - w), where a copy was trained on the examples to forget alone to get w_tuned.

    Alpha is the largest that a search by halving finds, up to `most` and to within a 128th of it, for which the loss per
    token on a sample of the retain set is at most the original's plus `tolerance`; 0 keeps it, as then nothing changes. Only
    weights are subtracted: whole numbers, and the statistics that normalisations keep, stay those of the original.
    """

    name: ClassVar[str] = "task_vector"

    def __init__(self, *, epochs: int, forget_batch: int, learning_rate_share: float, most: float, tolerance: float) -> None:
        self.epochs = epochs
        self.forget_batch = forget_batch
        self.learning_rate_share = learning_rate_share
        self.most = most
        self.tolerance = tolerance

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`. The curves are those of the search: they follow the result, and not the tuned copy.

        Raises:
            TrainingDivergedError: the loss became NaN or infinite.
        """
        # 1. Learn the forget set even better, in a copy. Weight decay would be a part of the difference.
        tuned, result = model.copy_to(context.device), model.copy_to(context.device)
        forget = context.training_data.subset(context.forget_ids)
        epoch = Pass(forget, self.forget_batch, lambda predictions, *_: cross_entropy(predictions))
        tuning = self.epochs * epoch.steps

        def tuned_so_far(progress: Progress) -> None:
            on_progress(Progress(progress.stage, progress.done, tuning + TRIALS))

        unwatched = replace(context, on_margins=None)
        fine_tune(
            tuned, [epoch] * self.epochs, unwatched, tuned_so_far, peak_share=self.learning_rate_share, weight_decay=0.0
        )

        # 2. Halve the interval between what keeps the retain loss and what does not, beginning with the most.
        retain = _sample(context)
        limit = _loss(model, retain, context) + self.tolerance
        curves = Curves(result, context, on_progress, total=TRIALS, before=tuning)
        keeps, exceeds, best = 0.0, self.most, 0
        for trial in range(1, TRIALS + 1):
            alpha = self.most if trial == 1 else (keeps + exceeds) / 2
            subtract(result.network, model.network, tuned.network, alpha)
            loss = _loss(result, retain, context)
            curves.step(trial, TRIALS, loss)
            if loss <= limit:
                keeps, best = alpha, trial
            else:
                exceeds = alpha

        # 3. Go back to the best.
        subtract(result.network, model.network, tuned.network, keeps)
        curves.note_margins(best)
        return result


@torch.no_grad()
def subtract(result: nn.Module, start: nn.Module, tuned: nn.Module, alpha: float) -> None:
    """Set the weights of `result` to start - alpha x (tuned - start); what is frozen or no floating-point number stays."""
    for ours, w, w_tuned in zip(learned(result), learned(start), learned(tuned), strict=True):
        if ours.is_floating_point():
            ours.copy_(w.to(ours.device) - alpha * (w_tuned - w.to(ours.device)))


def _sample(context: Context) -> Dataset:
    """Return examples to retain, drawn by the seed."""
    retain = context.training_data.without(context.exclude_ids)
    order = torch.randperm(len(retain), generator=torch.Generator().manual_seed(context.seed))
    return retain.subset(order[:SEARCHED_EXAMPLES].tolist())


def _loss(model: TrainedModel, data: Dataset, context: Context) -> float:
    """Return the cross-entropy per token."""
    context.counter.add(len(data), backwards=False)
    losses: list[Tensor] = [-scores.log_probability for scores in score(model, data)]
    return float(torch.cat(losses).mean())
