"""Says what the placement of examples in shards and slices makes deletions cost, beside a placement at random.

The sentences are English, to be translated, with places for numbers in percent of one training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.catalogue import Facts
from unlearning_jobs.engine.contracts.placement import placement_cost

PLACED: Final = {
    "random": _(
        "The training examples lie at random in the shards and slices of this model (shards: %(shards)d, slices of each:"
        " %(slices)d). Deleting one of them is expected to cost %(random)d %% of a training."
    ),
    "by_expected_deletion": _(
        "The likeliest deletions lie in the last shards and slices of this model (shards: %(shards)d, slices of each:"
        " %(slices)d). Deleting one example, each as likely as the recipe says, is expected to cost %(own)d %% of a"
        " training; with the examples at random places it would be %(random)d %%."
    ),
}
"""What one deletion is expected to cost, by placement."""
TOUCHED: Final = _(
    "Deleting these examples costs %(touched)d %% of a training if every stage is still saved, and a whole one if none is."
)


@dataclass(frozen=True)
class Placed:
    """A sentence about the placement, and the numbers for it."""

    sentence: str
    numbers: dict[str, int]

    def __str__(self) -> str:
        return self.sentence % self.numbers


def about_placement(facts: Facts) -> Iterator[Placed]:
    """Yield what is known of the placement's cost; nothing for models that were not trained in stages."""
    sharding = facts.recipe.sharding
    if sharding is None:
        return
    cost = placement_cost(sharding, facts.trained_on)
    numbers = {
        "shards": sharding.shards,
        "slices": sharding.slices,
        "own": round(100 * cost.own),
        "random": round(100 * cost.at_random),
    }
    yield Placed(PLACED[sharding.placement], numbers)
    if facts.touched is not None:
        yield Placed(TOUCHED, {"touched": round(100 * facts.touched)})
