"""KLoM: KL divergence of margins (Georgiev et al. 2025, Attribute-to-Delete, arXiv 2410.23232, appendix E.1)."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.evaluation.outputs import RESOLUTION, Array

from .group_metric import GroupMetric

BINS: Final = 20
FLOOR: Final = 1e-5
CLIP: Final = 100.0
EXAMPLES_AT_ONCE: Final = 512
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
    first = np.arange(len(unlearned) + len(oracles)) < len(unlearned)
    return np.asarray(klom_of_splits(np.concatenate([unlearned, oracles]), first[None])[0])


def klom_of_splits(margins: Array, first: NDArray[np.bool_]) -> Array:
    """KLoM of the same models split into two groups in many ways. The bins are the same for all, and filled once.

    Args:
        margins: of all models (models, examples).
        first: which models are the unlearned ones in each split (splits, models); the others are the oracles.

    Returns:
        (splits, examples), each as `klom` says.
    """
    sizes = first.sum(axis=1)[:, None]
    found = np.empty((len(first), margins.shape[1]))
    for start in range(0, margins.shape[1], EXAMPLES_AT_ONCE):
        places = _bins(np.clip(margins[:, start : start + EXAMPLES_AT_ONCE], -CLIP, CLIP))
        total = np.zeros((len(first), places.shape[1]))
        for place in range(BINS):
            held = (places == place).astype(float)
            inside = first @ held
            p, q = inside / sizes, (held.sum(axis=0) - inside) / (len(margins) - sizes)
            total += p * np.log(np.where(p > 0, p, 1.0) / np.maximum(q, FLOOR))
        found[:, start : start + EXAMPLES_AT_ONCE] = total
    return found


def _bins(margins: Array) -> NDArray[np.int64]:
    """The bin of every margin, (models, examples). Margins that only rounding tells apart share one bin."""
    low, high = margins.min(axis=0), margins.max(axis=0)
    width = np.where(high - low > RESOLUTION * np.maximum(1.0, np.abs(high)), high - low, np.inf)
    places = ((margins - low) / width * BINS).astype(int)
    return np.asarray(np.minimum(places, BINS - 1))  # the largest belongs to the last
