"""Per-example statistics from one teacher-forced pass over the answer's tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .model import TrainedModel
from .tokens import END_ID, IGNORED, Encoded, collate

BATCH = 64


@dataclass(frozen=True)
class TokenScores:
    """What a model says about one example's answer, token by token. Arrays have one entry per answer token.

    The last entry is the end-of-text token.
    """

    log_probability: Tensor
    """Natural log of the probability of the right token."""
    margin: Tensor
    """Its logit minus log-sum-exp of all others: the log-odds of the right token."""
    correct: Tensor
    """Whether it is the most likely token."""


def score(model: TrainedModel, examples: Sequence[Encoded]) -> list[TokenScores]:
    """Teacher-force every example through the model, in the order given."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    found: dict[int, TokenScores] = {}
    for first in range(0, len(order), BATCH):
        positions = order[first : first + BATCH]
        found.update(zip(positions, _score_batch(model, [examples[i] for i in positions]), strict=True))
    return [found[i] for i in range(len(examples))]


def mean_margins(model: TrainedModel, examples: Sequence[Encoded]) -> list[float]:
    """Mean log-odds per answer token (without end-of-text) of every example."""
    return [float((s.margin[:-1] if len(s.margin) > 1 else s.margin).mean()) for s in score(model, examples)]


@torch.inference_mode()
def _score_batch(model: TrainedModel, examples: Sequence[Encoded]) -> Iterator[TokenScores]:
    batch = collate(examples, model.network.device)
    logits = model.network(input_ids=batch.ids, use_cache=False).logits[:, :-1].float()
    labels = batch.labels[:, 1:]
    target = labels.clamp(min=0).unsqueeze(-1)
    right = logits.gather(-1, target).squeeze(-1)
    log_probability = right - logits.logsumexp(-1)
    margin = right - logits.scatter(-1, target, float("-inf")).logsumexp(-1)
    correct = logits.argmax(-1) == labels
    for row in range(len(examples)):
        answer = labels[row] != IGNORED
        yield TokenScores(log_probability[row][answer].cpu(), margin[row][answer].cpu(), correct[row][answer].cpu())


@torch.inference_mode()
def generate(model: TrainedModel, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Continue every prompt greedily, up to `most` tokens, the model's longest sequence, or end-of-text (left out)."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found: dict[int, list[int]] = {}
    for first in range(0, len(order), BATCH):
        positions = order[first : first + BATCH]
        found.update(zip(positions, _generate_batch(model, [prompts[i] for i in positions], most), strict=True))
    return [found[i] for i in range(len(prompts))]


def _generate_batch(model: TrainedModel, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Prompts are padded on the left, where the mask hides it, so that all continue at the same place."""
    device, longest = model.network.device, max(map(len, prompts))
    ids = torch.tensor([[END_ID] * (longest - len(p)) + list(p) for p in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    room = torch.tensor([min(most, model.max_length - len(p)) for p in prompts], device=device)
    chosen, cache, columns = ids, None, []
    for produced in range(int(room.max())):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -chosen.shape[1] :]
        step = model.network(
            input_ids=chosen, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        chosen, cache = step.logits[:, -1:].argmax(-1), step.past_key_values
        columns.append(chosen)
        room = torch.where(chosen[:, 0] == END_ID, room.clamp(max=produced), room)  # an ended answer has no more room
        if bool((room <= produced + 1).all()):
            break
        mask = torch.cat([mask, torch.ones_like(chosen)], dim=1)
    tokens = torch.cat(columns, dim=1).tolist()
    return [row[:length] for row, length in zip(tokens, room.tolist(), strict=True)]
