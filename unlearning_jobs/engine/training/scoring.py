"""Per-example statistics from one pass over the answers (teacher-forced, where they are texts)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from unlearning_jobs.engine.families import CausalLmFamily, Dataset, Predictions
from unlearning_jobs.engine.families.tokens import END_ID

from .model import TrainedModel

BATCH = 64


@dataclass(frozen=True)
class Scores:
    """What a model says about one example. Arrays have one entry per answer: the tokens of a text, or a class.

    The last entry of a text is the end-of-text token.
    """

    log_probability: Tensor
    """Natural log of the probability of the right answer."""
    margin: Tensor
    """Its logit minus log-sum-exp of all others: the log-odds of the right answer."""
    correct: Tensor
    """Whether it is the most likely answer."""


def score(model: TrainedModel, data: Dataset) -> list[Scores]:
    """The scores of every example, in order."""
    found: dict[int, Scores] = {}
    for positions in data.sweep(BATCH):
        found.update(zip(positions, _score_batch(model, data, positions), strict=True))
    return [found[i] for i in range(len(data))]


def mean_margins(model: TrainedModel, data: Dataset) -> list[float]:
    """Mean log-odds per answer (a text's end left out) of every example."""
    found: dict[int, float] = {}
    for positions in data.sweep(BATCH):
        found.update(zip(positions, _mean_margins(model, data, positions), strict=True))
    return [found[i] for i in range(len(data))]


@torch.inference_mode()
def _mean_margins(model: TrainedModel, data: Dataset, positions: Sequence[int]) -> list[float]:
    """All examples of a batch at once, since methods look often."""
    predictions = model.family.predict(model.network, data.batch(positions, model.device))
    margins, sizes = margins_of(predictions), torch.bincount(predictions.rows, minlength=len(positions))
    counted, last = torch.ones_like(margins), sizes.cumsum(0) - 1
    counted[last[sizes > 1]] = 0.0
    sums, counts = (
        torch.zeros(len(positions), device=model.device).index_add(0, predictions.rows, column)
        for column in (margins * counted, counted)
    )
    return [float(mean) for mean in (sums / counts).tolist()]


def margins_of(predictions: Predictions) -> Tensor:
    """Logit of the right answer minus log-sum-exp of all others, (answers,)."""
    target = predictions.labels.unsqueeze(-1)
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
    sizes = torch.bincount(predictions.rows, minlength=len(positions)).tolist()
    columns = (torch.split(column.cpu(), sizes) for column in (log_probability, margin, correct))
    yield from map(Scores, *columns)


@torch.inference_mode()
def generate(model: TrainedModel, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Continue every prompt of a causal language model greedily.

    Up to `most` tokens, the model's longest sequence, or end-of-text, which is left out.
    """
    family, network = cast("CausalLmFamily", model.family), cast("LlamaForCausalLM", model.network)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found: dict[int, list[int]] = {}
    for first in range(0, len(order), BATCH):
        positions = order[first : first + BATCH]
        found.update(
            zip(positions, _generate_batch(network, family.max_length, [prompts[i] for i in positions], most), strict=True)
        )
    return [found[i] for i in range(len(prompts))]


def _generate_batch(
    network: LlamaForCausalLM, max_length: int, prompts: Sequence[Sequence[int]], most: int
) -> list[list[int]]:
    """Prompts are padded on the left, where the mask hides it, so that all continue at the same place."""
    device, longest = network.device, max(map(len, prompts))
    ids = torch.tensor([[END_ID] * (longest - len(p)) + list(p) for p in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    room = torch.tensor([min(most, max_length - len(p)) for p in prompts], device=device)
    chosen, cache, columns = ids, None, []
    for produced in range(int(room.max())):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -chosen.shape[1] :]
        step = network(input_ids=chosen, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
        chosen, cache = step.logits[:, -1:].argmax(-1), step.past_key_values
        columns.append(chosen)
        room = torch.where(chosen[:, 0] == END_ID, room.clamp(max=produced), room)  # an ended answer has no more room
        if bool((room <= produced + 1).all()):
            break
        mask = torch.cat([mask, torch.ones_like(chosen)], dim=1)
    tokens = torch.cat(columns, dim=1).tolist()
    return [row[:length] for row, length in zip(tokens, room.tolist(), strict=True)]
