"""Finding held-out examples similar to an example to forget: a model that never saw it should know it about as well."""

from __future__ import annotations

from collections.abc import Sequence

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Family

NEIGHBOURS = 8


def nearest(family: Family, example: Example, held_out: Sequence[Example]) -> list[int]:
    """Return the indices of the most similar held-out examples: eight, and all that are as similar as the last of those.

    The family says how similar examples are: texts by the words of their prompts, classes by being the same.
    """
    likeness = [family.likeness(example, other) for other in held_out]
    least = sorted(likeness, reverse=True)[min(NEIGHBOURS, len(likeness)) - 1]
    return [index for index, value in enumerate(likeness) if value >= least]
