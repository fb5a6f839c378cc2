"""Exact unlearning of a model in shards: only the shards that held the examples are trained again.

Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from unlearning_jobs.engine.catalogue.exact import sisa_obstacle
from unlearning_jobs.engine.contracts import ProgressCallback, Recipe
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .retrain import Retrain


class Sisa(Retrain):
    """Trains by the same recipe and seed on the retain set, and takes slices that never held the examples from the cache.

    If there are many examples to forget, each shard that holds some is trained once, from the earliest of their slices on.
    The result is that of training from scratch, bit for bit on a CPU. Progress counts the steps that are really taken.
    """

    name: ClassVar[str] = "sisa"
    obstacle: ClassVar[Callable[[Recipe], str]] = staticmethod(sisa_obstacle)
    """Says why a model of a recipe cannot be unlearned from in this way; empty if it can."""

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the model was not trained in shards of the kind that the method is for.
        """
        if problem := type(self).obstacle(context.training_data.recipe):
            raise ObstacleError(problem)
        return super().unlearn(model, context, on_progress)
