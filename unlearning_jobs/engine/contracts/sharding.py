"""Training in shards and slices: how a recipe asks for it, and where each example goes; for costs, see `placement`.

SISA (Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817): every shard has a network of its own, which learns slice
after slice. To delete an example, its shard is trained again from the example's slice on; the other shards never saw it.
With one shard, that is a replay of the training from the last stage that had not seen the example.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeVar

from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.errors import SpecError

Aggregation = Literal["vote", "mean", "merge"]
Placement = tuple[tuple[tuple[int, ...], ...], ...]
"""Positions of examples, by shard, then slice."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Sharding(EngineContract):
    """How the training examples are divided, and how the shards' networks answer together.

    Raises:
        SpecError: a number is out of range, or the deletion rates do not fit the placement.
    """

    shards: int
    slices: int = 1
    """Slices of every shard."""
    aggregation: Aggregation = "mean"
    """mean: the mean of the networks' probabilities. vote: one vote each. merge: one network with the mean weights; of
    adapters, the mean of what they add to their checkpoint's weights. A single shard is the model and needs none of them."""
    placement: Literal["random", "by_expected_deletion"] = "random"
    """random: by a hash of the id. by_expected_deletion: the likelier an example's deletion, the later its shard and slice,
    so that deletions fall into few stages."""
    deletion_rates: Mapping[str, float] = field(default_factory=dict)
    """For by_expected_deletion: the probability, by id, that the example is deleted in the model's life; 0 if none is given.
    Rates must be known before training: a rate that follows from a request would move other examples."""

    def __post_init__(self) -> None:
        if self.shards < 1 or self.slices < 1:
            message = "A sharding needs at least one shard, and one slice in each."
            raise SpecError(message)
        if (self.placement == "random") == bool(self.deletion_rates):
            message = "Placement by_expected_deletion needs deletion_rates, and random placement must have none."
            raise SpecError(message)
        if not all(0 <= rate <= 1 for rate in self.deletion_rates.values()):
            message = "deletion_rates are probabilities, from 0 to 1."
            raise SpecError(message)

    @property
    def networks(self) -> int:
        """The number of networks of the finished model; merged shards are one."""
        return 1 if self.aggregation == "merge" else self.shards

    @property
    def answers_together(self) -> bool:
        """Whether the finished model is several networks, which have no layers in common."""
        return self.networks > 1


def place_examples(sharding: Sharding, ids: Sequence[str]) -> Placement:
    """Divide all training examples of a snapshot, excluded or not, into shards and slices.

    The division depends only on ids and the recipe, so a deletion moves no other example. Shards differ in size by at most
    one, and so do the slices of a shard.

    Raises:
        SpecError: there are fewer examples than slices, or a deletion rate is given for an id that is not there.
    """
    if unknown := set(sharding.deletion_rates).difference(ids):
        message = f"deletion_rates name {min(unknown)[:40]!r}, which is not a training example of the corpus."
        raise SpecError(message)
    if len(ids) < sharding.shards * sharding.slices:
        message = (
            f"{len(ids)} training examples cannot fill {sharding.shards} shards of {sharding.slices} slices; use fewer."
        )
        raise SpecError(message)

    def rank(position: int) -> tuple[float, bytes]:
        identifier = ids[position]
        return sharding.deletion_rates.get(identifier, 0.0), hashlib.sha256(identifier.encode()).digest()

    shards = divided(sorted(range(len(ids)), key=rank), sharding.shards)
    return tuple(tuple(map(tuple, divided(shard, sharding.slices))) for shard in shards)


def slice_epochs(epochs: int, slices: int) -> tuple[int, ...]:
    """Return the number of epochs of each stage; stage r trains on slices 1 to r.

    Together, the stages pass as many examples as plain training for these epochs, give or take one epoch: each has
    2e / (R + 1) epochs (Bourtoule et al. 2021), rounded so that rounding errors do not add up.

    Raises:
        SpecError: a stage would have less than one epoch.
    """
    if 2 * epochs < slices + 1:
        message = f"{epochs} epochs are too few for {slices} slices; use at least {math.ceil((slices + 1) / 2)}."
        raise SpecError(message)
    ends = [(4 * epochs * r + slices + 1) // (2 * (slices + 1)) for r in range(slices + 1)]  # 2 e r / (R + 1), rounded
    return tuple(end - start for start, end in pairwise(ends))


def divided(items: Sequence[Item], parts: int) -> list[Sequence[Item]]:
    """Divide into consecutive parts whose sizes differ by at most one."""
    return [items[len(items) * k // parts : len(items) * (k + 1) // parts] for k in range(parts)]
