"""Learners that know their training examples only through sums: one small class per file, listed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from unlearning_jobs.engine.contracts import SumsArchitecture

from .co_occurrence import CoOccurrence
from .naive_bayes import NaiveBayes
from .nearest_mean import NearestMean
from .ridge import Ridge
from .sums import Sums

Maker = Callable[[SumsArchitecture, int, int, float], Sums]
"""Called with the architecture, the number of features and of classes, and the features' unit."""
LEARNERS: Final[Mapping[str, Maker]] = {
    "naive_bayes": lambda a, features, classes, unit: NaiveBayes(
        features, classes, smoothing=a.smoothing, variance_floor=a.variance_floor / unit**2
    ),
    "ridge": lambda a, features, classes, unit: Ridge(features, classes, penalty=a.penalty / unit**2, scale=a.scale),
    "nearest_mean": lambda a, features, classes, unit: NearestMean(
        features, classes, smoothing=a.smoothing, variance_floor=a.variance_floor / unit**2
    ),
    "co_occurrence": lambda a, features, classes, _unit: CoOccurrence(features, classes, smoothing=a.smoothing),
}


def make_sums(architecture: SumsArchitecture, features: int, classes: int, *, unit: float = 1.0) -> Sums:
    """Make the learner that the recipe names, with empty sums.

    Args:
        architecture: of the recipe.
        features: numbers per example.
        classes: of the snapshot.
        unit: what a feature of 1 stands for in penalty and variance floor; 1/255 if features are bytes.
    """
    return LEARNERS[architecture.learner](architecture, features, classes, unit)


__all__ = ["LEARNERS", "CoOccurrence", "NaiveBayes", "NearestMean", "Ridge", "Sums", "make_sums"]
