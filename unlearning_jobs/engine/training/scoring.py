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
def generate(model: TrainedModel, prompts: Sequence[Sequence[int]], lengths: Sequence[int]) -> list[list[int]]:
    """Continue every prompt greedily up to its length in tokens, or to end-of-text, which is left out.

    Prompts are grouped by length, so that nothing is padded and the result does not depend on its neighbours.
    """
    by_length: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(i)
    results: list[list[int]] = [[] for _ in prompts]
    for positions in by_length.values():
        for first in range(0, len(positions), BATCH):
            part = positions[first : first + BATCH]
            for i, tokens in zip(
                part, _generate_batch(model, [prompts[i] for i in part], [lengths[i] for i in part]), strict=True
            ):
                results[i] = tokens
    return results


def _generate_batch(model: TrainedModel, prompts: Sequence[Sequence[int]], lengths: Sequence[int]) -> list[list[int]]:
    network = model.network
    step = network(input_ids=torch.tensor([list(p) for p in prompts], device=network.device), use_cache=True)
    results: list[list[int]] = [[] for _ in prompts]
    live = set(range(len(prompts)))
    room = model.max_length - len(prompts[0])
    for _ in range(min(max(lengths), room)):
        chosen = step.logits[:, -1].argmax(-1)
        for i, token in enumerate(chosen.tolist()):
            if i in live and token != END_ID and len(results[i]) < lengths[i]:
                results[i].append(token)
            else:
                live.discard(i)
        if not live:
            break
        step = network(input_ids=chosen.unsqueeze(-1), past_key_values=step.past_key_values, use_cache=True)
    return results
