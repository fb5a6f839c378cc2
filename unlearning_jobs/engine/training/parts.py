"""Steps in parts: fewer examples at once, with the gradient of the whole batch.

A loss is a mean over units: examples, tokens of answers, or hidden states. The loss of each part counts by its share of the
batch's units, and the gradients add up. So a step in parts is that of the whole batch, up to rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.errors import OutOfMemoryError, explained
from unlearning_jobs.engine.families import Dataset

BatchT = TypeVar("BatchT")
T = TypeVar("T")
Units = Callable[[Sequence[int]], int]
"""Says over how many units the loss of these examples is a mean."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Objective(Generic[BatchT]):
    """What a step descends, in parts."""

    losses: Callable[[BatchT, int], Iterator[Tensor]]
    """Yields the loss of each part of a batch, as its share of the whole, for at most so many examples at once; 0 for all.
    Whoever iterates takes the gradient of each before the next one is worked out."""
    size: Callable[[BatchT], int]
    """How many examples pass at once if the batch is whole."""
    generator: torch.Generator | None = None
    """What the losses draw from. A step that is tried again draws the same, and parts draw in the batch's order."""

    @classmethod
    def of_positions(
        cls,
        loss: Callable[[Sequence[int]], Tensor],
        units: Units,
        generator: torch.Generator | None = None,
    ) -> Objective[Sequence[int]]:
        """Return the objective of a loss of positions in a data set."""
        return Objective(lambda positions, most: shares(loss, positions, units, most), len, generator)


def over_answers(data: Dataset) -> Units:
    """Return the units of a loss that is a mean over answers: classes, or tokens of texts."""
    return data.answers


def shares(loss: Callable[[Sequence[int]], Tensor], positions: Sequence[int], units: Units, most: int) -> Iterator[Tensor]:
    """Yield the loss of each part of these positions, weighted by its share of the units."""
    if not most or len(positions) <= most:
        yield loss(positions)
        return
    whole = units(positions)
    for first in range(0, len(positions), most):
        part = positions[first : first + most]
        yield loss(part) * (units(part) / whole)


@dataclass
class MicroBatch:
    """How many examples pass through a network at once: at first what was asked for, and half of it when memory runs out."""

    most: int
    """0 for whole batches."""
    on_smaller: Callable[[int], None] = lambda _most: None
    """Told the number whenever it falls."""

    def halve(self, size: int, error: BaseException) -> None:
        """Halve it, after a step with this many examples ran out of memory.

        Raises:
            the error, if it is another one, or if there was one example only.
        """
        used = min(self.most or size, size)
        if not ran_out(error) or used <= 1:
            raise error
        self.most = (used + 1) // 2
        log.warning("The memory ran out with %d examples at once; going on with %d.", used, self.most)
        self.on_smaller(self.most)


def halving(work: Callable[[Sequence[int]], list[T]], positions: Sequence[int], device: torch.device) -> list[T]:
    """Return what `work` gives for every position of a batch, which is halved wherever memory runs out.

    Raises:
        OutOfMemoryError, or torch's own: the memory ran out with one example.
    """
    try:
        return work(positions)
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error) or len(positions) <= 1:
            raise
    free_memory(device)  # behind the handler, where the error no longer holds what the attempt has worked out
    middle = (len(positions) + 1) // 2
    log.warning("The memory ran out with %d examples at once; going on with %d.", len(positions), middle)
    return [one for part in (positions[:middle], positions[middle:]) for one in halving(work, part, device)]


def ran_out(error: BaseException) -> bool:
    """Say whether the memory ran out, of the machine or of the device."""
    return isinstance(explained(error), OutOfMemoryError)


def free_memory(device: torch.device) -> None:
    """Give back what a failed attempt has left."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def mixes_examples(network: nn.Module) -> bool:
    """Say whether an example's answer in training depends on the others of its batch, so that parts are no whole."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())  # noqa: SLF001  # the only common base
