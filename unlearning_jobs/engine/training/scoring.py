"""Per-example statistics from one forward pass over the answers (teacher-forced if they are texts)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from unlearning_jobs.engine.families import Dataset, Predictions

from .model import TrainedModel
from .parts import halving

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unlearning_jobs.engine.families.language import LanguageFamily

AT_ONCE = 1024
"""Answers whose whole distributions are held twice in memory at a time."""
IMPOSSIBLE = -200.0
"""Log-probabilities below are too small to weigh anything in float32; minus infinity times 0 would be no number."""
SMALLEST_VARIANCE = 1e-6
"""Of log-probabilities; OpenUnlearning's, for models that are certain of their answer."""


@dataclass(frozen=True)
class Scores:
    """A model's scores for one example. Tensors have one entry per answer: each token of a text, or the class.

    The last entry of a text is the end-of-text token.
    """

    log_probability: Tensor
    """Natural logarithm of the probability of the right answer, (answers,)"""
    margin: Tensor
    """Its logit minus the log-sum-exp of all others: the log-odds of the right answer, (answers,)"""
    correct: Tensor
    """Whether it is the most likely answer, (answers,)"""
    standing: Tensor
    """How far the log-probability lies above its mean under the model's own distribution, in standard deviations of it:
    what is as likely as the model's answers usually are has 0 (Zhang et al. 2024), (answers,)"""


def score(model: TrainedModel, data: Dataset) -> list[Scores]:
    """Return the scores of every example, in order."""
    scores: dict[int, Scores] = {}
    for positions in data.sweep(model.family.scored_at_once):  # in an order of its own
        of_batch = halving(lambda part: list(_score_batch(model, data, part)), positions, model.device)
        scores.update(zip(positions, of_batch, strict=True))
    return [scores[i] for i in range(len(data))]


def mean_margins(model: TrainedModel, data: Dataset) -> list[float]:
    """Return the mean log-odds per answer of every example; the end of a text is left out."""
    margins: dict[int, float] = {}
    for positions in data.sweep(model.family.scored_at_once):
        of_batch = halving(lambda part: _mean_margins(model, data, part), positions, model.device)
        margins.update(zip(positions, of_batch, strict=True))
    return [margins[i] for i in range(len(data))]


@torch.inference_mode()
def _mean_margins(model: TrainedModel, data: Dataset, positions: Sequence[int]) -> list[float]:
    """Work on all examples of a batch at once, since methods call this often."""
    predictions = model.family.predict(model.network, data.batch(positions, model.device))
    margins = margins_of(predictions)  # (answers,)
    sizes = torch.bincount(predictions.example_index, minlength=len(positions))  # (batch,)
    counted, last = torch.ones_like(margins), sizes.cumsum(0) - 1
    counted[last[sizes > 1]] = 0.0  # the last answer of a text is its end
    sums, counts = (
        torch.zeros(len(positions), device=model.device).index_add(0, predictions.example_index, column)
        for column in (margins * counted, counted)
    )
    return [float(mean) for mean in (sums / counts).tolist()]


def margins_of(predictions: Predictions) -> Tensor:
    """Return the logit of the right answer minus the log-sum-exp of all others, (answers,)."""
    target = predictions.labels.unsqueeze(-1)  # (answers, 1)
    others = predictions.logits.scatter(-1, target, float("-inf")).logsumexp(-1)
    return predictions.logits.gather(-1, target).squeeze(-1) - others


@torch.inference_mode()
def _score_batch(model: TrainedModel, data: Dataset, positions: Sequence[int]) -> Iterator[Scores]:
    predictions = model.family.predict(model.network, data.batch(positions, model.device))
    target = predictions.labels.unsqueeze(-1)
    right = predictions.logits.gather(-1, target).squeeze(-1)
    log_probability = right - predictions.logits.logsumexp(-1)
    margin = margins_of(predictions)
    correct = predictions.logits.argmax(-1) == predictions.labels
    standing = standing_of(predictions.logits, log_probability)
    sizes = torch.bincount(predictions.example_index, minlength=len(positions)).tolist()
    columns = (torch.split(column.cpu(), sizes) for column in (log_probability, margin, correct, standing))
    yield from map(Scores, *columns)


def standing_of(logits: Tensor, log_probability: Tensor) -> Tensor:
    """Return (log p - mean) / deviation of each answer, where both are over the distribution that its logits give.

    Args:
        logits: (answers, classes).
        log_probability: of the right answers, (answers,).
    """
    parts = []
    for part, right in zip(torch.split(logits, AT_ONCE), torch.split(log_probability, AT_ONCE), strict=True):
        everything = part.log_softmax(-1).clamp(min=IMPOSSIBLE)  # (answers, classes)
        weights = everything.exp()
        mean = (weights * everything).sum(-1, keepdim=True)
        variance = (weights * (everything - mean).square()).sum(-1)
        parts.append((right - mean.squeeze(-1)) / variance.clamp(min=SMALLEST_VARIANCE).sqrt())
    return torch.cat(parts) if parts else log_probability


@torch.inference_mode()
def generate(
    model: TrainedModel, prompts: Sequence[Sequence[int]], most: int, generator: torch.Generator | None = None
) -> list[list[int]]:
    """Continue every prompt of a causal language model: greedily, or by tokens that are drawn with a generator on the CPU.

    A continuation ends after `most` tokens, at the longest sequence that the model reads, or before an end-of-text token.
    """
    family, network = cast("LanguageFamily", model.family), cast("PreTrainedModel", model.network)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    continuations: dict[int, list[int]] = {}
    at_once = family.scored_at_once
    for first in range(0, len(order), at_once):
        positions = order[first : first + at_once]
        batch = halving(
            lambda part: _generate_batch(network, family, [prompts[i] for i in part], most, generator),
            positions,
            model.device,
        )
        continuations.update(zip(positions, batch, strict=True))
    return [continuations[i] for i in range(len(prompts))]


def _generate_batch(
    network: PreTrainedModel,
    family: LanguageFamily,
    prompts: Sequence[Sequence[int]],
    most: int,
    generator: torch.Generator | None,
) -> list[list[int]]:
    """Continue a batch. Prompts are padded on the left, hidden by the mask, so that all continue at the same column.

    Those without room go on with the others, at the last position that there is, and what they say is left out.
    """
    device, longest = network.device, max(map(len, prompts))
    ids = torch.tensor([[family.end] * (longest - len(p)) + list(p) for p in prompts], device=device)  # (batch, longest)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    room = torch.tensor([min(most, family.longest - len(p)) for p in prompts], device=device)  # (batch,)
    new_ids, cache, columns = ids, None, []
    for produced in range(int(room.max())):
        places = (mask.cumsum(-1) - 1).clamp(0, family.longest - 1)  # padding does not count
        positions = places[:, -new_ids.shape[1] :]
        step = network(input_ids=new_ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
        new_ids, cache = _chosen(step.logits[:, -1:], generator), step.past_key_values  # (batch, 1)
        columns.append(new_ids)
        room = torch.where(new_ids[:, 0] == family.end, room.clamp(max=produced), room)  # an ended answer has no more room
        if bool((room <= produced + 1).all()):
            break
        mask = torch.cat([mask, torch.ones_like(new_ids)], dim=1)
    tokens = torch.cat(columns, dim=1).tolist()  # (batch, produced)
    return [row[:length] for row, length in zip(tokens, room.tolist(), strict=True)]


def _chosen(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return the likeliest tokens, or drawn ones: (batch, 1) of logits (batch, 1, vocabulary)."""
    if generator is None:
        return logits.argmax(-1)
    drawn = torch.multinomial(logits[:, 0].float().softmax(-1).cpu(), 1, generator=generator)
    return drawn.to(logits.device)
