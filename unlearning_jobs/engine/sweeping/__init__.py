"""Sweeps corpora that stay where they are, for the queries of any number of requests, in one pass. Does not import torch.

Nothing is registered: what is found is a place (file, row, characters), and no example of a snapshot. `docs/sweeping.md`
says what that is good for.
"""

from .asked import WHY_NOT, Asked, read_queries
from .estimate import estimate
from .journal import require_outside
from .register import read_key, read_register
from .run import SweepSummary, sweep
from .shards import Shard, Shards, find_shards

__all__ = [
    "WHY_NOT",
    "Asked",
    "Shard",
    "Shards",
    "SweepSummary",
    "estimate",
    "find_shards",
    "read_key",
    "read_queries",
    "read_register",
    "require_outside",
    "sweep",
]
