"""Making one network of several: the shards' networks answer together, or their weights are averaged."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts.sharding import Aggregation

PRIOR_VOTES = 0.5
"""Added to the votes of every class, so that a class without votes keeps a finite logit (Krichevsky and Trofimov 1981)."""


class ShardEnsemble(nn.Module):
    """Classifiers that answer together: maps inputs (batch, ...) to logits (batch, classes).

    mean: the logits are the log of the mean of their probabilities. vote: each classifier votes for its most likely class,
    and the logits are the logs of the shares of the votes, with PRIOR_VOTES added to every class. Votes have no gradient.
    """

    def __init__(self, shards: Sequence[nn.Module], aggregation: Literal["vote", "mean"]) -> None:
        super().__init__()
        self.shards = nn.ModuleList(shards)
        self.aggregation = aggregation

    def forward(self, inputs: Tensor) -> Tensor:
        return self.together(shard(inputs).float() for shard in self.shards)

    def together(self, each: Iterable[Tensor]) -> Tensor:
        """Return the logits of all shards together, given those of each: (batch, classes)."""
        logits = torch.stack(list(each))  # (shards, batch, classes)
        if self.aggregation == "mean":
            return log_mean_probability(logits)
        votes = F.one_hot(logits.argmax(-1), logits.shape[-1]).sum(0).float() + PRIOR_VOTES
        return (votes / votes.sum(-1, keepdim=True)).log()


@dataclass(frozen=True)
class NextTokens:
    """What an ensemble of language models answers, named as transformers names it."""

    logits: Tensor
    """(batch, positions, vocabulary)"""
    past_key_values: tuple[Any, ...]
    """What each network keeps of the tokens so far, for the next call."""


class LanguageEnsemble(ShardEnsemble):
    """Language models that answer together: the distribution of the next token is the mean of theirs, token by token.

    It is called as each of them is. Logits are the logs of probabilities.
    """

    def __init__(self, shards: Sequence[nn.Module]) -> None:
        super().__init__(shards, "mean")

    @property
    def device(self) -> torch.device:
        """The device that holds it."""
        return next(self.parameters()).device

    def forward(  # type: ignore[override]  # it is called as language models are
        self, input_ids: Tensor, past_key_values: Sequence[Any] | None = None, **given: Any
    ) -> NextTokens:
        pasts = past_key_values or (None,) * len(self.shards)
        outputs = [
            shard(input_ids=input_ids, past_key_values=past, **given) for shard, past in zip(self.shards, pasts, strict=True)
        ]
        logits = log_mean_probability(output.logits.float() for output in outputs)
        return NextTokens(logits, tuple(output.past_key_values for output in outputs))


def log_mean_probability(logits: Iterable[Tensor]) -> Tensor:
    """Return the log of the mean of the probabilities that several logits of one shape, (..., classes), give."""
    each = [of_one.log_softmax(-1) for of_one in logits]
    return torch.stack(each).logsumexp(0) - math.log(len(each))


def aggregate(networks: Sequence[nn.Module], aggregation: Aggregation) -> nn.Module:
    """Make the shards' networks one, in evaluation mode. An ensemble holds the given networks, not copies of them."""
    network = merge(networks) if aggregation == "merge" else ShardEnsemble(networks, aggregation)
    return network.eval()


@torch.no_grad()
def merge(networks: Sequence[nn.Module]) -> nn.Module:
    """Average the weights and buffers of the networks. Whole numbers, which count steps, are taken from the first network.

    The result is useful only if the networks started from the same weights (McMahan et al. 2017, arXiv 1602.05629,
    figure 1), as the shards of one model do. The longer they were trained apart, the worse it is.
    """
    merged = copy.deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    for name, tensor in merged.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.stack([state[name] for state in states]).mean(0))
    return merged
