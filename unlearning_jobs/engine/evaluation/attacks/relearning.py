"""The attack by relearning: whoever fine-tunes a model on a few of the forget examples may bring the others back.

Of a model that has only learned to keep silent, a few steps on some of the examples bring out those that were not among them
(Hu et al. 2024, arXiv 2406.13356; Lucki et al. 2024, arXiv 2409.18025). Oracles learn from the same steps too, so what
counts is the distance to them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import ClassVar

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from compliance.formats.attacks import RELEARNING
from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.loop import training_loop
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.parts import Objective, over_answers
from unlearning_jobs.engine.training.schedule import LearningRate, epoch_order, make_optimizer
from unlearning_jobs.engine.training.scoring import score

from .attack import FORGET, Attack, Columns, Target, at, mean_log_probabilities


class Relearning(Attack):
    """Fine-tunes a copy on some of the forget examples, by the recipe, and sees what it then knows of the others.

    Every model of an evaluation takes the same steps in the same order. If a loss becomes infinite on the way, there are no
    numbers.
    """

    name: ClassVar[str] = RELEARNING

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        data, chosen = target.data(FORGET), target.known
        others = [position for position in range(len(data)) if position not in set(chosen)]
        attacked = target.model.copy_to(target.model.device)
        try:
            _fine_tune(attacked, data.subset(chosen), target.recipe, target.protocol)
            known = mean_log_probabilities(score(attacked, data.subset(others)))
        except TrainingDivergedError:
            known = [math.nan] * len(others)
        return {FORGET: {"relearned": at(others, known, len(data))}}


def _fine_tune(model: TrainedModel, data: Dataset, recipe: Recipe, protocol: Protocol) -> None:
    def loss_of(positions: Sequence[int]) -> Tensor:
        predictions = model.family.predict(model.network, data.batch(positions, model.device))
        return F.cross_entropy(predictions.logits, predictions.labels)

    model.network.train()
    training_loop(
        model.network,
        islice(_batches(data, recipe.batch_size, protocol.sample_seed), protocol.relearning),
        Objective.of_positions(loss_of, over_answers(data)),
        recipe=recipe,
        optimizer=make_optimizer(recipe, model.network.parameters()),
        learning_rate=LearningRate.of(recipe, protocol.relearning),
        device=model.device,
        on_step=lambda *_: None,
        reads=lambda _done: False,
    )
    model.network.eval()


def _batches(data: Dataset, batch_size: int, seed: int) -> Iterator[Sequence[int]]:
    return chain.from_iterable(data.epoch(batch_size, epoch_order(seed, epoch)) for epoch in count())
