"""Making one network of several: the shards' networks answer together, or their weights are averaged."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Literal

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
        logits = torch.stack([shard(inputs).float() for shard in self.shards])  # (shards, batch, classes)
        if self.aggregation == "mean":
            return logits.log_softmax(-1).logsumexp(0) - math.log(len(self.shards))
        votes = F.one_hot(logits.argmax(-1), logits.shape[-1]).sum(0).float() + PRIOR_VOTES
        return (votes / votes.sum(-1, keepdim=True)).log()


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
