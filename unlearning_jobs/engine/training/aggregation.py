"""One network of several: the shards' networks answer together, or their weights are averaged."""

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
"""Added to every class, so that a class without votes keeps a finite logit (Krichevsky and Trofimov 1981)."""


class ShardEnsemble(nn.Module):
    """Classifiers that answer together, (batch, ...) to logits (batch, classes).

    mean: the log of the mean of their probabilities. vote: each votes for its most likely class, and the logits are the log
    shares of the votes, PRIOR_VOTES added to every class. Votes have no gradient.
    """

    def __init__(self, shards: Sequence[nn.Module], aggregation: Literal["vote", "mean"]) -> None:
        super().__init__()
        self.shards = nn.ModuleList(shards)
        self.aggregation = aggregation

    def forward(self, inputs: Tensor) -> Tensor:
        logits = torch.stack([shard(inputs).float() for shard in self.shards])
        if self.aggregation == "mean":
            return logits.log_softmax(-1).logsumexp(0) - math.log(len(self.shards))
        votes = F.one_hot(logits.argmax(-1), logits.shape[-1]).sum(0).float() + PRIOR_VOTES
        return (votes / votes.sum(-1, keepdim=True)).log()


def aggregate(networks: Sequence[nn.Module], aggregation: Aggregation) -> nn.Module:
    """The shards' networks as one, ready to answer. The networks of an ensemble are the given ones, not copies."""
    network = merge(networks) if aggregation == "merge" else ShardEnsemble(networks, aggregation)
    return network.eval()


@torch.no_grad()
def merge(networks: Sequence[nn.Module]) -> nn.Module:
    """A network whose weights and buffers are the mean of theirs; whole numbers, which count steps, are the first one's.

    It answers sensibly only for networks that began at the same weights (McMahan et al. 2017, arXiv 1602.05629, figure 1),
    as the shards of one model do, and less well the longer each has gone its own way.
    """
    merged = copy.deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    for name, tensor in merged.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.stack([state[name] for state in states]).mean(0))
    return merged
