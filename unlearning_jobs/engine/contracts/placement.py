"""What deletions cost a model that was trained in shards and slices, as far as a recipe's placement decides it.

Costs are shares of one training from scratch, counted in examples that pass forwards and backwards, while every stage is
kept. A stage of a shard is trained again if a deleted example lies in its slices or earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from .sharding import Sharding, divided, place_examples, slice_epochs


@dataclass(frozen=True)
class PlacementCost:
    """What one deletion is expected to cost by a recipe's placement, and what it would by others; shares of a training."""

    own: float
    """By the recipe's placement, for deletions as likely as its rates say; without rates, at random."""
    at_random: float
    """The same deletion, if the same shards and slices held the examples at random."""


def placement_cost(sharding: Sharding, examples: int) -> PlacementCost:
    """Return what one deletion costs on average, for a recipe whose corpus has this many training examples."""
    at_random = replace(sharding, placement="random", deletion_rates={})
    return PlacementCost(expected_share(sharding, 1, examples), expected_share(at_random, 1))


def expected_share(sharding: Sharding, requests: int, examples: int = 0) -> float:
    """Return the expected cost of this many deletions that are carried out together.

    Stage r of a shard is trained again unless every deletion misses the shard's slices 1 to r. At random places, one request
    costs (2/3 + 1/(3R)) / S, and K of them with one slice 1 - (1 - 1/S)^K (Bourtoule et al. 2021). By rates, each deletion
    is one of the examples, drawn in proportion to its rate. That needs the number of training `examples`.
    """
    shards, slices = sharding.shards, sharding.slices
    return sum(
        2 * r / (slices * (slices + 1)) / shards * (1 - (1 - chance) ** requests)
        for of_shard in _chances(sharding, examples)
        for r, chance in enumerate(of_shard, start=1)
    )


def touched_share(
    sharding: Sharding, epochs: int, ids: Sequence[str], forget_ids: Collection[str], gone: Collection[str] = ()
) -> float:
    """Return what deleting these examples costs.

    Args:
        sharding: of the recipe.
        epochs: of the recipe.
        ids: of all training examples of the snapshot.
        forget_ids: the examples to delete.
        gone: examples that the model was not trained on, or has forgotten before.

    Raises:
        as `place_examples` and `slice_epochs`.
    """
    forget, left_out = frozenset(forget_ids), frozenset((*forget_ids, *gone))
    again = total = 0
    for shard in place_examples(sharding, ids):
        left, is_touched = 0, False
        for part, passes in zip(shard, slice_epochs(epochs, sharding.slices), strict=True):
            left += sum(ids[position] not in left_out for position in part)
            is_touched = is_touched or any(ids[position] in forget for position in part)
            total += passes * left
            again += passes * left * is_touched
    return again / total if total else 1.0


def _chances(sharding: Sharding, examples: int) -> Iterator[Sequence[float]]:
    """Yield, for every shard, the probabilities that one deletion falls into its slices 1, 1 to 2, and so on."""
    shards, slices = sharding.shards, sharding.slices
    everything = math.fsum(sharding.deletion_rates.values())
    if not everything:
        for _ in range(shards):
            yield [r / (shards * slices) for r in range(1, slices + 1)]
        return
    rates = sorted(rate / everything for rate in sharding.deletion_rates.values())
    placed = [0.0] * (examples - len(rates)) + rates  # as `place_examples` ranks them
    for shard in divided(placed, shards):
        yield [min(1.0, chance) for chance in accumulate(math.fsum(part) for part in divided(shard, slices))]
