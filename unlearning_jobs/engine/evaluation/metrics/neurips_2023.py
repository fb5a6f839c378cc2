"""The score of the NeurIPS 2023 unlearning competition (Triantafillou et al. 2024, arXiv 2406.09073).

Two differences from the published code (google-deepmind/unlearning_evaluation), which fails on arrays: intervals are
searched over all pairs of thresholds at the models' quantiles, not only about as wide as the narrower group; and F is
always given for oracles against oracles too, with as many models. It has to be: epsilon is the best of thousands of
attacks on the same models, hence above 0 between any two samples of them, and F below 1.

An epsilon found by attacks is a measurement, never a guarantee.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.bootstrap import bootstrap_interval
from unlearning_jobs.engine.evaluation.outputs import Array, Group, Outputs

from .group_metric import make_comparisons, margins
from .metric import Metric, exists

DELTA: Final = 1e-5
LARGEST: Final = 50.0
BUCKET: Final = 0.5
THRESHOLDS: Final = 64
NARROW: Final = 0.01
"""Where one group's spread is less than this share of the other's, the groups are told apart by it alone."""
CONFIDENCE: Final = 0.95
SEED: Final = 0


class NeurIPS2023(Metric):
    """Forgetting quality F on the forget set, between 0 and 1; higher is closer to the oracles.

    On retain and held-out examples, where there is an accuracy: the ratio of mean accuracies, unlearned to oracles, which
    may exceed 1, as published. The competition's score is the product of the three. As in other metrics of groups, all
    values are of groups of equal size, and oracles are compared with oracles.
    """

    name: ClassVar[str] = "neurips_2023"
    fewest_models: ClassVar[int] = 16

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        unlearned, original, oracles = (margins(outputs, g, "forget") for g in ("unlearned", "original", "oracle"))
        if min(len(unlearned), len(oracles)) < self.fewest_models:
            return
        comparisons = make_comparisons(unlearned, original, oracles)
        size = len(comparisons[0].reference)
        ratios = [_accuracy_ratio(outputs, name) for name in ("retain", "held_out") if exists(outputs, name, "accuracy")]
        epsilons = np.stack([example_epsilons(comparison.unlearned, comparison.reference) for comparison in comparisons])
        quality = forgetting_quality(epsilons, size)
        yield MetricFinding(
            self.name,
            "forget",
            unlearned=quality,
            original=forgetting_quality(example_epsilons(comparisons[0].original, comparisons[0].reference), size),
            oracles=tuple(forgetting_quality(example_epsilons(t.oracles, t.reference), size) for t in comparisons),
            note=_note(size, epsilons, lower_epsilons(unlearned, oracles), quality, ratios),
        )
        yield from ratios


def example_epsilons(unlearned: Array, oracles: Array) -> Array:
    """Epsilon of every example: the largest log ratio over attacks of one threshold, or of two.

    Of an attack with false-positive rate a and false-negative rate b it is the larger of ln((1 - δ - a) / b) and
    ln((1 - δ - b) / a), δ = 1e-5. One without any error shows the groups disjoint (50). One with errors of one kind alone
    is left out: so few models do not say how rare the other kind is.

    Args:
        unlearned: margins, which are logit-scaled confidences (m, examples).
        oracles: the same (n, examples).

    Returns:
        (examples,), between 0 and 50
    """
    return np.array([_epsilon(u, o) for u, o in zip(unlearned.T, oracles.T, strict=True)])


def forgetting_quality(epsilons: Array, models: int) -> float:
    """F: mean over the examples of 2^-floor(epsilon / 0.5), and 0 beyond what so many models a side can resolve.

    Args:
        epsilons: of any shape.
        models: a side; they resolve ceil(ln(models - 1)).
    """
    most = math.ceil(math.log(models - 1))
    return float(np.where(epsilons < most, 0.5 ** np.floor(epsilons / BUCKET), 0.0).mean())


def lower_epsilons(unlearned: Array, oracles: Array) -> Array:
    """What every example's epsilon is at least, with a confidence of 95 % for each by itself.

    From one attack: every second model chooses its threshold, halfway between the groups' medians, and the others count
    its errors. Both error rates are then at most their Clopper-Pearson bounds, jointly (Jagielski et al. 2020, arXiv
    2006.07709).

    Args:
        unlearned: margins (m, examples); m at least 2.
        oracles: margins (n, examples); n at least 2.

    Returns:
        (examples,), at least 0
    """
    medians = np.median(unlearned[::2], axis=0), np.median(oracles[::2], axis=0)
    halfway, up = (medians[0] + medians[1]) / 2, np.where(medians[0] >= medians[1], 1, -1)
    missed = _bound(up * (unlearned[1::2] - halfway) <= 0)
    wrong = _bound(up * (oracles[1::2] - halfway) > 0)
    ratios = (1 - DELTA - wrong) / missed, (1 - DELTA - missed) / wrong
    return np.asarray(np.log(np.maximum(np.maximum(*ratios), 1.0)))


def supported_epsilon(models: int) -> float:
    """Largest epsilon that so many models a side can support: its lower bound when an attack never errs."""
    error = float(_bound(np.zeros((models, 1), dtype=bool))[0])
    return max(0.0, math.log((1 - error) / error))


def _bound(errors: NDArray[np.bool_]) -> Array:
    """Clopper-Pearson upper bound of a rate, at half the error: errors (models, examples) -> (examples,)."""
    models, counts = len(errors), errors.sum(axis=0)
    below = betaincinv(counts + 1.0, np.maximum(models - counts, 0.5), (1 + CONFIDENCE) / 2)
    return np.asarray(np.where(counts == models, 1.0, below))


def _epsilon(unlearned: Array, oracles: Array) -> float:
    spreads = sorted((float(np.ptp(unlearned)), float(np.ptp(oracles))))
    if spreads[1] > 0 and spreads[0] < NARROW * spreads[1]:
        return LARGEST
    edges = np.unique(np.quantile(np.concatenate([unlearned, oracles]), np.linspace(0, 1, THRESHOLDS)))
    thresholds = np.concatenate([[-np.inf], (edges[:-1] + edges[1:]) / 2, [np.inf]])
    below = [np.searchsorted(np.sort(group), thresholds) / len(group) for group in (unlearned, oracles)]
    pairs = np.triu_indices(len(thresholds), k=1)  # between the two; an infinite end is an attack of one threshold
    inside = [share[pairs[1]] - share[pairs[0]] for share in below]
    return max(_best(1 - inside[0], inside[1]), _best(1 - inside[1], inside[0]))


def _best(missed: Array, wrong: Array) -> float:
    """Epsilon of the best of several attacks, from their false-negative and false-positive rates."""
    if bool(((missed <= 0) & (wrong <= 0)).any()):
        return LARGEST
    usable = (missed > 0) & (wrong > 0)
    missed, wrong = missed[usable], wrong[usable]
    least = np.minimum(missed / np.maximum(1 - DELTA - wrong, DELTA), wrong / np.maximum(1 - DELTA - missed, DELTA))
    return float(np.clip(-np.log(least.min(initial=1.0)), 0.0, LARGEST))


def _accuracy_ratio(outputs: Outputs, name: str) -> MetricFinding:
    groups: tuple[Group, ...] = ("unlearned", "original", "oracle")
    unlearned, original, oracles = (outputs.matrix(group, name, "accuracy") for group in groups)
    low, high = bootstrap_interval(_ratio, (unlearned, oracles), seed=SEED)
    comparisons = make_comparisons(unlearned, original, oracles)
    return MetricFinding(
        NeurIPS2023.name,
        name,
        unlearned=_ratio(unlearned, oracles),
        original=_ratio(original, oracles),
        oracles=tuple(_ratio(comparison.oracles, comparison.reference) for comparison in comparisons),
        note=f"Ratio of mean accuracies to the oracles'; 90 % interval {low:.3f} to {high:.3f}, from resampled models and"
        " examples.",
        low=low,
        high=high,
    )


def _ratio(unlearned: Array, oracles: Array) -> float:
    return float(unlearned.mean() / max(oracles.mean(), DELTA))


def _note(size: int, epsilons: Array, lower: Array, quality: float, ratios: list[MetricFinding]) -> str:
    score = quality * math.prod(ratio.unlearned for ratio in ratios)
    found = (
        f"{size} models a side, oracles against oracles too. Epsilon by example, the best of many attacks: median"
        f" {np.median(epsilons):.2f}, largest {epsilons.max():.2f}; certain at 95 %, by one attack: median"
        f" {np.median(lower):.2f}. {size} models a side can make no more than {supported_epsilon(size):.2f} certain, and"
        " none of it is a guarantee."
    )
    return f"{found} Score, times the ratios of accuracies: {score:.3g}." if ratios else found
