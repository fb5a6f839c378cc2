"""Exact unlearning of adapters in shards: only those whose shards held the examples are trained again.

Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817, with low-rank adapters (Hu et al. 2021, arXiv 2106.09685) in the
place of networks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from unlearning_jobs.engine.catalogue.exact import adapter_shards_obstacle
from unlearning_jobs.engine.contracts import Recipe

from .sisa import Sisa


class AdapterShards(Sisa):
    """Trains the adapters again that saw the examples, each from its last stage before. The others are taken as they are.

    It is exact for what adapters learned. The checkpoint below them is the same before and after, and may know the examples
    from elsewhere.
    """

    name: ClassVar[str] = "adapter_shards"
    obstacle: ClassVar[Callable[[Recipe], str]] = staticmethod(adapter_shards_obstacle)
