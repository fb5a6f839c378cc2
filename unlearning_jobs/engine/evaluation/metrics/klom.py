"""KLoM: KL divergence of margins (Georgiev et al. 2025, Attribute-to-Delete, arXiv 2410.23232, appendix E.1)."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import RESOLUTION, Array

from .group_metric import GroupMetric

BINS: Final = 20
FLOOR: Final = 1e-5
CLIP: Final = 100.0
PERCENTILE: Final = 95


class Klom(GroupMetric):
    """95th percentile of KLoM over the examples, in nats; lower is closer to the oracles.

    Its floor is not 0: oracles against oracles have one too, which falls as models are added. Below 50 models a side it is
    as high as what doing nothing gives, so that there is no finding.
    """

    name: ClassVar[str] = "klom"
    fewest_models: ClassVar[int] = 50

    def value(self, group: Array, oracles: Array) -> float:
        return float(np.percentile(klom(group, oracles), PERCENTILE))

    def remarks(self) -> tuple[str, ...]:
        return (
            f"KL(unlearned || oracle), {BINS} bins, floor {FLOOR:g}, margins clipped to ±{CLIP:g}.",
            f"{math.log(1 / FLOOR):.2f} means disjoint, and is no magnitude.",
        )


def klom(unlearned: Array, oracles: Array) -> Array:
    """KLoM of every example, in nats, between 0 and ln(1 / FLOOR) but for the flooring.

    The public implementations disagree with one another, so all of it is pinned: KL(unlearned || oracle), so that what
    unlearned models do must be covered by what oracles do; bins of equal width between the smallest and the largest margin
    of both groups together, the largest counted in the last bin; the oracles' shares floored and not normalised again.

    Args:
        unlearned: margins (m, examples).
        oracles: margins (n, examples).

    Returns:
        (examples,)
    """
    both = np.clip(np.concatenate([unlearned, oracles]), -CLIP, CLIP)
    low, high = both.min(axis=0), both.max(axis=0)
    p, q = (_shares(group, low, high) for group in (both[: len(unlearned)], both[len(unlearned) :]))
    ratio = np.where(p > 0, p, 1.0) / np.maximum(q, FLOOR)
    return np.asarray((p * np.log(ratio)).sum(axis=0))


def _shares(margins: Array, low: Array, high: Array) -> Array:
    """Share of the models in each bin: (BINS, examples). Margins that only rounding tells apart share one bin."""
    width = np.where(high - low > RESOLUTION * np.maximum(1.0, np.abs(high)), high - low, np.inf)
    places = np.minimum(((margins - low) / width * BINS).astype(int), BINS - 1)  # the largest belongs to the last
    return np.stack([(places == place).mean(axis=0) for place in range(BINS)])
