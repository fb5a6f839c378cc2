"""The attack by relearning: whoever fine-tunes a model on a few of the forget examples may bring the others back.

Of a model that has only learned to keep silent, a few steps on some of the examples bring out those that were not among them
(Hu et al. 2024, arXiv 2406.13356; Lucki et al. 2024, arXiv 2409.18025). Oracles learn from the same steps too, so what
counts is the distance to them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, count, islice
from typing import Final

import numpy as np
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.loop import training_loop
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.schedule import LearningRate, epoch_order, make_optimizer
from unlearning_jobs.engine.training.scoring import score

SHARE: Final = 0.2
"""Of the forget examples, those that the attacker has."""
MOST: Final = 10


def attacked_with(examples: int, seed: int) -> list[int]:
    """Return the positions of the forget examples that the attacker has, drawn with the protocol's seed."""
    size = min(MOST, math.ceil(SHARE * examples))
    return sorted(np.random.default_rng(seed).choice(examples, size, replace=False).tolist())


def relearn(model: TrainedModel, examples: Sequence[Example], recipe: Recipe, protocol: Protocol) -> list[float]:
    """Fine-tune a copy of the model on some of the forget examples, by the recipe, and see what it then knows of the others.

    Every model of an evaluation takes the same steps in the same order.

    Returns:
        the mean log-likelihood of each example, in order; NaN for those that the attacker had, and for all if a loss became
        infinite on the way.
    """
    chosen = attacked_with(len(examples), protocol.sample_seed)
    others = [position for position in range(len(examples)) if position not in set(chosen)]
    known = [math.nan] * len(examples)
    data, attacked = model.family.encode(examples), model.copy_to(model.device)
    try:
        _fine_tune(attacked, data.subset(chosen), recipe, protocol)
    except TrainingDivergedError:
        return known
    for position, scores in zip(others, score(attacked, data.subset(others)), strict=True):
        known[position] = float(scores.log_probability.mean())
    return known


def _fine_tune(model: TrainedModel, data: Dataset, recipe: Recipe, protocol: Protocol) -> None:
    def loss_of(positions: Sequence[int]) -> Tensor:
        predictions = model.family.predict(model.network, data.batch(positions, model.device))
        return F.cross_entropy(predictions.logits, predictions.labels)

    model.network.train()
    training_loop(
        model.network,
        islice(_batches(data, recipe.batch_size, protocol.sample_seed), protocol.relearning),
        loss_of,
        recipe=recipe,
        optimizer=make_optimizer(recipe, model.network.parameters()),
        learning_rate=LearningRate.of(recipe, protocol.relearning),
        device=model.device,
        on_step=lambda *_: None,
    )
    model.network.eval()


def _batches(data: Dataset, batch_size: int, seed: int) -> Iterator[Sequence[int]]:
    return chain.from_iterable(data.epoch(batch_size, epoch_order(seed, epoch)) for epoch in count())
