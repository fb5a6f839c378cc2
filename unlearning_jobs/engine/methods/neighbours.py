"""Which held-out examples stand for an example to forget: what a model that never saw it would make of such a one."""

from __future__ import annotations

from collections.abc import Sequence

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Family

NEIGHBOURS = 8


def nearest(family: Family, example: Example, held_out: Sequence[Example]) -> list[int]:
    """Places of the held-out examples most alike: eight, and all that are as alike as the last of them.

    Alike are prompts by their words, and examples of a classifier when they are of the same class.
    """
    likeness = [family.likeness(example, other) for other in held_out]
    least = sorted(likeness, reverse=True)[min(NEIGHBOURS, len(likeness)) - 1]
    return [place for place, alike in enumerate(likeness) if alike >= least]
