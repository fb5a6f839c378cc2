"""The score of the NeurIPS 2023 unlearning competition (Triantafillou et al. 2024, arXiv 2406.09073).

It differs in two ways from the published code (google-deepmind/unlearning_evaluation), which fails on arrays. Intervals
are searched over all pairs of thresholds at the models' quantiles, not only at about the width of the narrower group. And
F is always reported for oracles against oracles too, with the same number of models. That is necessary because epsilon is
the best of thousands of attacks on the same models: between any two samples of them it is above 0, and F is below 1.

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

from .group_metric import margins, oracle_splits
from .metric import Metric, exists

DELTA: Final = 1e-5
LARGEST: Final = 50.0
BUCKET: Final = 0.5
THRESHOLDS: Final = 64
NARROW: Final = 0.01
"""If the range of one group is less than this share of the other's, the range alone tells the groups apart."""
CONFIDENCE: Final = 0.95
SEED: Final = 0


class NeurIPS2023(Metric):
    """Computes the forgetting quality F on the forget set, between 0 and 1; higher is closer to the oracles.

    On retain and held-out examples that have an accuracy, it is the ratio of mean accuracies, unlearned to oracles, which
    may exceed 1, as published. The competition's score is the product of the three. As in other group metrics, all groups
    have the same size, and oracles are compared with oracles.
    """

    name: ClassVar[str] = "neurips_2023"
    fewest_models: ClassVar[int] = 16

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        unlearned, original, oracles = (margins(outputs, g, "forget") for g in ("unlearned", "original", "oracle"))
        if min(len(unlearned), len(oracles)) < self.fewest_models:
            return
        splits = oracle_splits(unlearned, original, oracles)
        size = len(splits[0].reference)
        ratios = [_accuracy_ratio(outputs, name) for name in ("retain", "held_out") if exists(outputs, name, "accuracy")]
        epsilons = np.stack([example_epsilons(split.unlearned, split.reference) for split in splits])
        quality = forgetting_quality(epsilons, size)
        yield MetricFinding(
            self.name,
            "forget",
            unlearned=quality,
            original=forgetting_quality(example_epsilons(splits[0].original, splits[0].reference), size),
            oracles=tuple(forgetting_quality(example_epsilons(t.oracles, t.reference), size) for t in splits),
            note=_note(size, epsilons, lower_epsilons(unlearned, oracles), quality, ratios),
        )
        yield from ratios


def example_epsilons(unlearned: Array, oracles: Array) -> Array:
    """Return the epsilon of every example: the largest log ratio over all attacks with one or two thresholds.

    For an attack with false-positive rate a and false-negative rate b, the log ratio is the larger of
    ln((1 - δ - a) / b) and ln((1 - δ - b) / a), with δ = 1e-5. An attack without errors shows that the groups are disjoint
    (50). An attack with errors of only one kind is skipped: with so few models, the rate of the other kind is unknown.

    Args:
        unlearned: margins, which are logit-scaled confidences (m, examples).
        oracles: margins (n, examples).

    Returns:
        (examples,), between 0 and 50
    """
    return np.array([_epsilon(u, o) for u, o in zip(unlearned.T, oracles.T, strict=True)])


def forgetting_quality(epsilons: Array, models: int) -> float:
    """Return F, the mean of 2^-floor(epsilon / 0.5) over the examples; an epsilon too large to resolve counts as 0.

    Args:
        epsilons: array of any shape.
        models: number of models a side; they resolve epsilons below ceil(ln(models - 1)).
    """
    resolvable = math.ceil(math.log(models - 1))
    return float(np.where(epsilons < resolvable, 0.5 ** np.floor(epsilons / BUCKET), 0.0).mean())


def lower_epsilons(unlearned: Array, oracles: Array) -> Array:
    """Return a lower bound on the epsilon of every example, with a confidence of 95 % for each by itself.

    It comes from one attack: every second model sets its threshold, halfway between the groups' medians, and the others
    count its errors. Both error rates are then jointly below their Clopper-Pearson bounds (Jagielski et al. 2020, arXiv
    2006.07709).

    Args:
        unlearned: margins (m, examples), with m at least 2.
        oracles: margins (n, examples), with n at least 2.

    Returns:
        (examples,), at least 0
    """
    # 1. The even models set the threshold and the direction of the attack.
    medians = np.median(unlearned[::2], axis=0), np.median(oracles[::2], axis=0)
    threshold, sign = (medians[0] + medians[1]) / 2, np.where(medians[0] >= medians[1], 1, -1)  # (examples,) each
    # 2. The odd models count its errors.
    false_negatives = _bound(sign * (unlearned[1::2] - threshold) <= 0)
    false_positives = _bound(sign * (oracles[1::2] - threshold) > 0)
    ratios = (1 - DELTA - false_positives) / false_negatives, (1 - DELTA - false_negatives) / false_positives
    return np.asarray(np.log(np.maximum(np.maximum(*ratios), 1.0)))


def supported_epsilon(models: int) -> float:
    """Return the largest lower bound that this number of models a side can give: that of an attack without errors."""
    error = float(_bound(np.zeros((models, 1), dtype=bool))[0])
    return max(0.0, math.log((1 - error) / error))


def _bound(errors: NDArray[np.bool_]) -> Array:
    """Return the Clopper-Pearson upper bound of a rate, at half the error level: (models, examples) -> (examples,)."""
    models, counts = len(errors), errors.sum(axis=0)
    bound = betaincinv(counts + 1.0, np.maximum(models - counts, 0.5), (1 + CONFIDENCE) / 2)
    return np.asarray(np.where(counts == models, 1.0, bound))


def _epsilon(unlearned: Array, oracles: Array) -> float:
    spreads = sorted((float(np.ptp(unlearned)), float(np.ptp(oracles))))
    if spreads[1] > 0 and spreads[0] < NARROW * spreads[1]:
        return LARGEST
    edges = np.unique(np.quantile(np.concatenate([unlearned, oracles]), np.linspace(0, 1, THRESHOLDS)))
    thresholds = np.concatenate([[-np.inf], (edges[:-1] + edges[1:]) / 2, [np.inf]])
    below = [np.searchsorted(np.sort(group), thresholds) / len(group) for group in (unlearned, oracles)]
    # An attack answers "unlearned" between two thresholds, or outside them; an infinite end leaves a single threshold.
    pairs = np.triu_indices(len(thresholds), k=1)
    inside = [share[pairs[1]] - share[pairs[0]] for share in below]  # (pairs,) for each group
    return max(_best(1 - inside[0], inside[1]), _best(1 - inside[1], inside[0]))


def _best(fnr: Array, fpr: Array) -> float:
    """Return the epsilon of the best of several attacks, from their false-negative and false-positive rates (attacks,)."""
    if bool(((fnr <= 0) & (fpr <= 0)).any()):
        return LARGEST
    usable = (fnr > 0) & (fpr > 0)
    fnr, fpr = fnr[usable], fpr[usable]
    ratios = np.minimum(fnr / np.maximum(1 - DELTA - fpr, DELTA), fpr / np.maximum(1 - DELTA - fnr, DELTA))
    return float(np.clip(-np.log(ratios.min(initial=1.0)), 0.0, LARGEST))


def _accuracy_ratio(outputs: Outputs, name: str) -> MetricFinding:
    groups: tuple[Group, ...] = ("unlearned", "original", "oracle")
    unlearned, original, oracles = (outputs.matrix(group, name, "accuracy") for group in groups)
    low, high = bootstrap_interval(_ratio, (unlearned, oracles), seed=SEED)
    splits = oracle_splits(unlearned, original, oracles)
    return MetricFinding(
        NeurIPS2023.name,
        name,
        unlearned=_ratio(unlearned, oracles),
        original=_ratio(original, oracles),
        oracles=tuple(_ratio(split.oracles, split.reference) for split in splits),
        note=f"Ratio of the mean accuracy to the oracles' mean accuracy; 90 % interval {low:.3f} to {high:.3f}, from"
        " resampled models and examples.",
        low=low,
        high=high,
    )


def _ratio(unlearned: Array, oracles: Array) -> float:
    return float(unlearned.mean() / max(oracles.mean(), DELTA))


def _note(size: int, epsilons: Array, lower: Array, quality: float, ratios: list[MetricFinding]) -> str:
    score = quality * math.prod(ratio.unlearned for ratio in ratios)
    note = (
        f"{size} models a side, also for oracles against oracles. Epsilon of single examples from the best of many attacks:"
        f" median {np.median(epsilons):.2f}, largest {epsilons.max():.2f}. Lower bound at 95 % confidence from one attack:"
        f" median {np.median(lower):.2f}. With {size} models a side, this bound cannot exceed"
        f" {supported_epsilon(size):.2f}. None of these numbers is a guarantee."
    )
    return f"{note} Score, F times the ratios of accuracies: {score:.3g}." if ratios else note
