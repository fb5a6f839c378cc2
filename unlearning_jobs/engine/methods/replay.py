"""Exact unlearning of a model that was trained in stages: its training is replayed from before the examples.

The slices of Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817, with one shard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from unlearning_jobs.engine.catalogue.exact import replay_obstacle
from unlearning_jobs.engine.contracts import Recipe

from .sisa import Sisa


class Replay(Sisa):
    """Goes on from the last stage that had not seen the examples. Of models with an adapter, a stage is the adapter alone.

    Every stage depends on the weights before it and on its own examples, and starts with a fresh optimiser, so nothing else
    of the first training takes part.
    """

    name: ClassVar[str] = "replay"
    obstacle: ClassVar[Callable[[Recipe], str]] = staticmethod(replay_obstacle)
