"""Says beforehand what a sweep costs: a few shards are swept for some seconds, and the rate is taken for all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .asked import Asked
from .shard_sweep import Sweeper
from .shards import Shard

SAMPLED: Final = 8
SECONDS: Final = 10.0


class _TimeIsUpError(Exception):
    """The sample has been swept for long enough."""


class _Clock:
    """Looks at the time while a shard is swept, and remembers how far the sweep is in it."""

    def __init__(self, seconds: float) -> None:
        self._begun, self._seconds = time.perf_counter(), seconds
        self.within = 0

    @property
    def took(self) -> float:
        return time.perf_counter() - self._begun

    def look(self, characters: int) -> None:
        self.within = characters
        if self.took > self._seconds:
            raise _TimeIsUpError


@dataclass(frozen=True)
class Estimate:
    """What a sweep by one process costs."""

    bytes: int
    """Of all files, as they are: compressed, where they are."""
    sampled: int
    """Bytes that were swept to measure."""
    rate: float
    """Bytes in a second."""
    at_least: bool
    """Whether no shard of the sample was swept to its end: then a byte of a file counts as a character of its text."""

    @property
    def seconds(self) -> float:
        return self.bytes / self.rate


def estimate(shards: Sequence[Shard], asked: Asked, *, seconds: float = SECONDS) -> Estimate:
    """Measure how quickly these queries are looked for in a sample of the shards. Nothing is written."""
    sweeper, clock = Sweeper(asked), _Clock(seconds)
    ended, swept, took = 0, 0, 0.0
    for shard in shards[:: max(1, len(shards) // SAMPLED)]:
        try:
            sweeper.sweep(shard, len, clock.look)
        except _TimeIsUpError:
            if not ended:  # nothing better is known
                swept, took = min(clock.within, shard.size), clock.took
            break
        ended, swept, took = ended + 1, swept + shard.size, clock.took
    return Estimate(sum(shard.size for shard in shards), swept, max(swept, 1) / max(took, 1e-9), at_least=not ended)
