"""Datamodel matching (Georgiev et al. 2025, Attribute-to-Delete, arXiv 2410.23232)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from unlearning_jobs.engine.attribution import Attribution, Kind, SubsetModels, check_attribution, prepare
from unlearning_jobs.engine.catalogue.datamodels import GROUP
from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .logit_regression import logits_of, regress_logits, target_ids

UNITS = 1000
"""Units of progress of the preparation."""


class DatamodelMatching:
    """Predicts the logits that the model would give had it not seen the examples to forget, and trains it towards them.

    The prediction (DM-Direct) is the model's own logits plus the shifts that an attribution predicts for leaving the
    examples out. Training towards it (DM-Match) is by mean squared error, on the examples to forget and on some to retain.
    The attribution is prepared once per model version, from models that leave out sets of examples that no request named,
    so it has seen no oracle.
    """

    name: ClassVar[str] = "datamodel_matching"

    def __init__(
        self,
        *,
        attribution: Kind,
        subset_models: int,
        checkpoints: int,
        epochs: int,
        batch: int,
        retain_examples: int,
        learning_rate_share: float,
    ) -> None:
        self.attribution = attribution
        self.subset_models = subset_models
        self.checkpoints = checkpoints
        self.epochs = epochs
        self.batch = batch
        self.retain_examples = retain_examples
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the recipe, the size of the forget set or the memory does not allow it.
            TrainingDivergedError: a loss became NaN or infinite.
        """
        ids = target_ids(context, self.retain_examples)
        steps = self.epochs * math.ceil(len(ids) / self.batch)
        with context.preparing() as prepared:
            attribution = self.prepare(
                context, lambda share: on_progress(Progress("unlearn", int(UNITS * share), UNITS + steps))
            )
            prepared.models, prepared.correlation = attribution.quality.models, attribution.quality.correlation
        return regress_logits(
            model,
            context.training_data.subset(ids),
            predicted_logits(attribution, model, context, ids),
            context,
            on_progress,
            epochs=self.epochs,
            batch=self.batch,
            peak_share=self.learning_rate_share,
            before=UNITS,
        )

    def prepare(self, context: Context, on_share: Callable[[float], None] = lambda _: None) -> Attribution:
        """Return the attribution for this model version, which is kept in the shared folder.

        Raises:
            ObstacleError: as `unlearn`.
        """
        forget = set(context.forget_ids)
        unknown = tuple(i for i in context.exclude_ids if i not in forget)  # the model was not trained on these either
        known = len(context.training_data.positions(unknown))
        check_attribution(context.training_data, known, self.subset_models)
        group = min(GROUP, self.subset_models)
        subsets = SubsetModels(context.training_data, unknown, context.shared, context.device, group)
        amount = self.subset_models if self.attribution == "datamodel" else self.checkpoints
        return prepare(self.attribution, subsets, amount, on_share)


def predicted_logits(attribution: Attribution, model: TrainedModel, context: Context, ids: Sequence[str]) -> list[Tensor]:
    """Predict the logits for these training examples, (1, classes) each, of a model without the examples to forget.

    This is DM-Direct: it simulates an oracle, but gives no model that could be used.
    """
    shifts = torch.from_numpy(attribution.shift(context.forget_ids, ids))  # (examples, classes)
    current = logits_of(model, context.training_data.subset(ids), context)
    return [logits + shift for logits, shift in zip(current, shifts, strict=True)]
