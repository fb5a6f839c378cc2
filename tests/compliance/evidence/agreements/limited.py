"""Contradictions of the pairs that are about what a result does not show, what it reports, and what it was told to do."""

from __future__ import annotations

from collections.abc import Mapping

from compliance.evidence.agreements.limits import (
    EXPECTED_LIMITS,
    LIMITS,
    MEASURED_LIMITS,
    METRICS,
    POSSIBLE_METRICS,
    REPORTED_LIMITS,
    SPECIFICATION_PROBLEMS,
)
from compliance.formats.limits import WITHOUT_SEEDS

from .judged_otherwise import ATTEMPT, Change, evaluation
from .retold import Retold


def said_of_seeds(retold: Retold) -> None:
    """The result and its report say that all oracles are one model."""
    limits = retold.results[ATTEMPT]["evaluation"]["limits"]
    limits.insert(next(place for place, one in enumerate(limits) if "t test" in one) + 1, WITHOUT_SEEDS)
    retold.reports[ATTEMPT]["does_not_show"] = limits


LIMITED: Mapping[str, Change] = {
    f"{LIMITS.name} / {EXPECTED_LIMITS.name}": evaluation(lambda value: value["limits"].pop()),
    f"{REPORTED_LIMITS.name} / {EXPECTED_LIMITS.name}": (
        "report",
        lambda retold: retold.reports[ATTEMPT]["does_not_show"].append("Everything was shown."),
    ),
    f"{LIMITS.name} / {MEASURED_LIMITS.name}": ("result", said_of_seeds),
    f"{METRICS.name} / {POSSIBLE_METRICS.name}": evaluation(
        lambda value: value["metrics"].append(
            {"name": "relearning", "examples": "forget", "unlearned": 0.1, "original": 0.9, "oracles": [0.1]}
        )
    ),
    f"{SPECIFICATION_PROBLEMS.name} / no problem": (
        "spec",
        lambda retold: retold.specs[ATTEMPT].update(base="/checkpoints/sailor"),
    ),
}
"""By the pair's name."""
