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
    """Takes the 95th percentile of KLoM over the examples, in nats; lower is closer to the oracles.

    Its floor is not 0: oracles against oracles have a KLoM too, which falls as models are added. Below 50 models a side it
    is as high as that of doing nothing, so there is no finding.
    """

    name: ClassVar[str] = "klom"
    fewest_models: ClassVar[int] = 50

    def value(self, group: Array, oracles: Array) -> float:
        return float(np.percentile(klom(group, oracles), PERCENTILE))

    def remarks(self) -> tuple[str, ...]:
        return (
            f"KL(unlearned || oracle), {BINS} bins, floor {FLOOR:g}, margins clipped to ±{CLIP:g}.",
            f"{math.log(1 / FLOOR):.2f} means that the groups are disjoint, not how far apart they are.",
        )


def klom(unlearned: Array, oracles: Array) -> Array:
    """Return the KLoM of every example, in nats, between 0 and ln(1 / FLOOR) apart from the effect of flooring.

    Public implementations disagree, so everything is fixed here. It is KL(unlearned || oracle), so that what unlearned
    models do must be covered by what oracles do. The bins have equal width between the smallest and the largest margin of
    both groups together, and the largest counts in the last bin. The oracles' shares are floored and not renormalised.

    Args:
        unlearned: margins (m, examples).
        oracles: margins (n, examples).

    Returns:
        (examples,)
    """
    first = np.arange(len(unlearned) + len(oracles)) < len(unlearned)
    return np.asarray(klom_of_splits(np.concatenate([unlearned, oracles]), first[None])[0])


def klom_of_splits(margins: Array, first: NDArray[np.bool_]) -> Array:
    """Return the KLoM for many splits of the same models into two groups. The bins do not depend on the split.

    Args:
        margins: margins of all models (models, examples).
        first: which models play the unlearned ones in each split (splits, models); the others play the oracles.

    Returns:
        (splits, examples), each value as `klom` defines it.
    """
    sizes = first.sum(axis=1)[:, None]  # (splits, 1)
    divergences = np.empty((len(first), margins.shape[1]))
    for start in range(0, margins.shape[1], EXAMPLES_AT_ONCE):
        bins = _bins(np.clip(margins[:, start : start + EXAMPLES_AT_ONCE], -CLIP, CLIP))  # (models, chunk)
        total = np.zeros((len(first), bins.shape[1]))
        for number in range(BINS):
            in_bin = (bins == number).astype(float)  # (models, chunk)
            count = first @ in_bin  # (splits, chunk): models of the first group in this bin
            p, q = count / sizes, (in_bin.sum(axis=0) - count) / (len(margins) - sizes)
            total += p * np.log(np.where(p > 0, p, 1.0) / np.maximum(q, FLOOR))  # p = 0 adds nothing
        divergences[:, start : start + EXAMPLES_AT_ONCE] = total
    return divergences


def _bins(margins: Array) -> NDArray[np.int64]:
    """Return the bin of every margin: (models, examples). Margins that differ only by rounding share one bin."""
    low, high = margins.min(axis=0), margins.max(axis=0)
    width = np.where(high - low > RESOLUTION * np.maximum(1.0, np.abs(high)), high - low, np.inf)
    bins = ((margins - low) / width * BINS).astype(int)
    return np.asarray(np.minimum(bins, BINS - 1))  # the largest margin belongs to the last bin
