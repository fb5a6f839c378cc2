"""Oracle matching: the upper bound of methods that predict what oracles say (Georgiev et al. 2025, arXiv 2410.23232)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import count, islice
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.families import Answers, Batch, Dataset
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, take_passes
from .losses import reference_answers

FIRST_SEED = 1_900_000_001
BATCH = 64
UNITS = 100
"""Of progress, per oracle."""


class OracleMatching:
    """Trains real oracles, and then the original towards their mean logits by mean squared error: on the examples to forget,
    and on `retain_multiplier` times as many that are drawn from those to retain.

    It costs several retrainings, and is here to show how close fine-tuning can come at best. Its oracles have seeds of their
    own, none of which the audit uses. All models unlearned for one audit are matched to the same oracles, and share their
    error.
    """

    name: ClassVar[str] = "oracle_matching"

    def __init__(
        self, *, oracles: int, epochs: int, batch: int, retain_multiplier: float, learning_rate_share: float
    ) -> None:
        self.oracles = oracles
        self.epochs = epochs
        self.batch = batch
        self.retain_multiplier = retain_multiplier
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            TrainingDivergedError: a loss became NaN or infinite.
        """
        matched = self._matched(context)
        steps, before = self.epochs * math.ceil(len(matched) / self.batch), UNITS * self.oracles
        said = []
        for number, seed in enumerate(oracle_seeds(context.taken_seeds, self.oracles)):

            def report(done: int, total: int, _loss: float, number: int = number) -> None:
                on_progress(Progress("unlearn", UNITS * number + UNITS * done // total, before + steps))

            said.append(_logits(context.train(context.exclude_ids, seed, report), matched, context))
        targets = [torch.stack(one).mean(dim=0) for one in zip(*said, strict=True)]

        def distance(answers: Answers, _batch: Batch, places: Sequence[int]) -> Tensor:
            return F.mse_loss(answers.logits, torch.cat([targets[place] for place in places]).to(answers.logits.device))

        result = model.copy_to(context.device)
        passes = [Pass(matched, self.batch, distance)] * self.epochs
        take_passes(result, passes, context, on_progress, peak_share=self.learning_rate_share, before=before)
        return result

    def _matched(self, context: Context) -> Dataset:
        """The examples to forget, and those to retain that are drawn by the seed."""
        material, forget = context.material, set(context.forget_ids)
        places = [place for place, identifier in enumerate(material.ids) if identifier in forget]
        retain = material.positions(context.exclude_ids)
        wanted = min(len(retain), round(self.retain_multiplier * len(places)))
        order = torch.randperm(len(retain), generator=torch.Generator().manual_seed(context.seed))
        return material.data.subset([*places, *(retain[i] for i in order[:wanted].tolist())])


def oracle_seeds(taken: Collection[int], number: int) -> list[int]:
    """Seeds that nobody else uses."""
    return list(islice((seed for seed in count(FIRST_SEED) if seed not in taken), number))


def _logits(oracle: TrainedModel, data: Dataset, context: Context) -> list[Tensor]:
    """What the oracle says about every example: (answers, classes) each, on the CPU."""
    found: dict[int, Tensor] = {}
    for positions in data.sweep(BATCH):
        answers = reference_answers(oracle, data.batch(positions, context.device), context.meter)
        sizes = torch.bincount(answers.rows, minlength=len(positions)).tolist()
        found.update(zip(positions, torch.split(answers.logits.cpu(), sizes), strict=True))
    return [found[place] for place in range(len(data))]
