"""What an edited model still gives away, after a little training and in its hidden layers, and what it lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count, islice

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.contracts.concepts import Probe, says
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.evaluation.attacks.lens import read_at
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.training.loop import training_loop
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.parts import Objective, over_answers
from unlearning_jobs.engine.training.schedule import LearningRate, epoch_order, make_optimizer
from unlearning_jobs.engine.training.scoring import score

from .asking import encoded, greedy, language
from .places import forward


def relearned(
    model: TrainedModel, given_away: Sequence[Probe], asked: Sequence[Probe], recipe: Recipe, *, steps: int, seed: int
) -> list[bool | None]:
    """Return whether a copy answers the probes that are asked, after steps on those that are given away, by the recipe.

    None of a multiple choice, and of all probes if the loss became infinite on the way.
    """
    copy = model.copy_to(model.device)
    data = Sequences(tuple(encoded(model, probe) for probe in given_away if not probe.choices), language(model).end)
    try:
        if len(data):
            _train(copy, data, recipe, steps, seed)
    except TrainingDivergedError:
        return [None] * len(asked)
    texts = greedy(copy, asked)
    return [None if p.choices else says(text, p.answer) for p, text in zip(asked, texts, strict=True)]


def _train(model: TrainedModel, data: Sequences, recipe: Recipe, steps: int, seed: int) -> None:
    def loss_of(positions: Sequence[int]) -> Tensor:
        predictions = model.family.predict(model.network, data.batch(positions, model.device))
        return F.cross_entropy(predictions.logits, predictions.labels)

    def batches() -> Iterator[Sequence[int]]:
        return chain.from_iterable(data.epoch(recipe.batch_size, epoch_order(seed, epoch)) for epoch in count())

    model.network.train()
    training_loop(
        model.network,
        islice(batches(), steps),
        Objective.of_positions(loss_of, over_answers(data)),
        recipe=recipe,
        optimizer=make_optimizer(recipe, model.network.parameters()),
        learning_rate=LearningRate.of(recipe, steps),
        device=model.device,
        on_step=lambda *_: None,
        reads=lambda _done: False,
    )
    model.network.eval()


@torch.no_grad()
def lens_ranks(model: TrainedModel, probes: Sequence[Probe]) -> list[int | None]:
    """Return the best place that the first token of each answer has in the hidden layers before the last, from 1.

    The states are read by the model's own last norm and output layer. None of a model with one layer.
    """
    layers = len(model.family.hidden_layers(model.network))
    best: list[int | None] = [None] * len(probes)
    for number in range(1, layers):
        with read_at(model, number):
            for place, probe in enumerate(probes):
                one = encoded(model, probe)
                logits = forward(model, torch.tensor([one.ids], device=model.device))[0, one.start - 1]
                rank = 1 + int((logits > logits[one.ids[one.start]]).sum())
                known = best[place]
                best[place] = rank if known is None else min(known, rank)
    return best


def losses(model: TrainedModel, examples: Sequence[Example]) -> tuple[float, ...]:
    """Return the mean loss per token of every example: what the model is worth beyond the concept."""
    return tuple(-float(one.log_probability.mean()) for one in score(model, model.family.encode(examples)))
