"""Control comparisons: their outcome is known in advance, so they show whether the evaluation itself works.

They are judged by the protocol's own estimands, at the same level as the unlearned models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

from compliance.formats.findings import MOST_SPREAD
from compliance.formats.protocol import HALF, MOST_APART
from unlearning_jobs.engine.contracts import Control, Estimand, Protocol

from .each_example import damaged
from .estimands import compare, forget_margin, judge, leave_one_out_distance, margin_used, oracles_of
from .outputs import Array, ModelKey, Outputs
from .permutation import permutation_test
from .shipped import judge_shipped
from .welch import prediction_reach, resolution, welch

SET_NAMES: Final = {"forget": "forget set", "retain": "retain set", "held_out": "held-out examples"}
JUDGED: Final = frozenset(SET_NAMES)
"""Sets on which a model that was trained elsewhere must be like models trained here."""


def do_nothing(outputs: Outputs, protocol: Protocol) -> Control:
    """Judge the originals like unlearned models: the forget set must fail, about the method and about the shipped model."""
    nothing = outputs.replaced("unlearned", by="original")
    permutation = permutation_test(
        nothing.matrix("unlearned", "forget", "margin"),
        nothing.matrix("oracle", "forget", "margin"),
        seed=protocol.sample_seed,
    )
    locations = [e for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap")]
    about_method = [judge(compare(nothing, e), e, protocol.alpha_per_look).position for e in locations]
    shipped = [judge_shipped(nothing, e, protocol.alpha_per_look).position for e in locations]
    behaved = "above" in about_method and "within" not in shipped
    gap = float(forget_margin(outputs, "original").mean() - forget_margin(outputs, "oracle").mean())
    note = (
        f"The original knows the forget set better than the oracles do, by {gap:.2f} log-odds on average."
        if behaved
        else "Before unlearning, the original cannot be told from models that never saw the forget set. Either there is too"
        " little to unlearn, or there are too few models to show anything."
    )
    return Control("do_nothing", behaved, permutation, note)


def oracle_against_oracle(outputs: Outputs, protocol: Protocol) -> Control:
    """Judge every second oracle against the others, and each one against all others; none may lie outside a margin."""
    oracles = outputs.matrix("oracle", "forget", "margin")  # (models, examples)
    permutation = permutation_test(oracles[::2], oracles[1::2], seed=protocol.sample_seed)
    gap = float(forget_margin(outputs, "original").mean() - oracles.mean())
    alpha = protocol.alpha_per_look / (2 * len(protocol.estimands))  # two tests for each: together they keep the level
    outside = [e.name for e in protocol.estimands if _oracles_differ(outputs, e, gap, alpha)]
    if _answers_like_an_original(outputs):
        outside, note = ["identity"], "An oracle answers exactly like an original, so it is not what it should be."
    elif not outside:
        note = "Oracles lie within the margins around other oracles."
    else:
        note = (
            f"Oracles lie outside the margins around other oracles ({', '.join(outside)}), so they were not trained alike."
        )
    return Control("oracle_against_oracle", not outside, permutation, note)


def pairs_against_independent(outputs: Outputs, protocol: Protocol) -> Control | None:
    """Judge the paired oracles against the independent ones: thinning batches must not make another kind of model.

    Returns:
        None if there are no pairs, or no two independent oracles.
    """
    pairs, paired = oracles_of(outputs, "forget", "margin")  # (pairs, examples)
    seeds = {model.seed for model in outputs.models("unlearned")}
    others = [m for m in outputs.models("oracle") if m.seed not in seeds]
    if not paired or len(others) < 2:  # noqa: PLR2004  # a spread needs two
        return None
    independent = np.stack([outputs.vector(model, "forget", "margin") for model in others])  # (models, examples)
    permutation = permutation_test(pairs, independent, seed=protocol.sample_seed)
    gap = float(forget_margin(outputs, "original").mean() - pairs.mean())
    margins = [e.margin for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap")]
    behaved = gap <= 0 or not _apart(pairs.mean(axis=1) / gap, independent.mean(axis=1) / gap, min(margins), protocol)
    share = float(pairs.mean() - independent.mean()) / gap if gap > 0 else 0.0
    note = f"Paired and independent oracles differ by {share:.2g} of the do-nothing gap."
    return Control("pairs_against_independent", behaved, permutation, note)


def declared_against_replicates(outputs: Outputs, protocol: Protocol, nothing: Control) -> Control:
    """Judge a model that was trained elsewhere against models trained here by the recipe that is declared for it.

    On every set it must surely lie near the replicates: on average, and example by example. Models from one checkpoint
    differ so little by their seed that every detail of a recipe tells them apart, so a test for a difference would be the
    wrong one. The unit is the gap; where doing nothing cannot be told from retraining, there is none, and it is the
    probability of the right answer.

    Args:
        outputs: the declared model is the first of the originals; the others are its replicates.
        protocol: how near is near.
        nothing: the control of doing nothing.
    """
    margins = outputs.matrix("original", "forget", "margin")  # (models, examples)
    permutation = permutation_test(margins[:1], margins[1:], seed=protocol.sample_seed)
    gap = float(margins[1:].mean() - forget_margin(outputs, "oracle").mean())
    in_gaps = nothing.behaved and gap > 0
    found, alike = [], True
    for name in sorted(JUDGED & outputs.ids.keys()):
        matrix = outputs.matrix("original", name, "margin" if in_gaps else "probability") / (gap if in_gaps else 1.0)
        found.append(_distance_to_the_others(name, matrix.mean(axis=1), protocol, in_gaps=in_gaps))
        alike = alike and _is_spread_like_the_others(matrix, protocol, in_gaps=in_gaps)
    behaved = all(one.is_small for one in found)
    worst, unit = (
        max(found, key=lambda one: one.at_most - one.limit),
        "the do-nothing gap" if in_gaps else "mean probability",
    )
    recipe = (
        "Oracles of this recipe do not show what it would be without the examples: its level of assurance falls, and no more"
        " is known of it than of a model of which nobody declared how it was trained."
    )
    if not behaved:
        note = (
            "The model that was trained elsewhere cannot be taken for one of the declared recipe: on the"
            f" {SET_NAMES[worst.name]}, it differs from such models by {worst.distance:.2g} of {unit} on average. As much as"
            f" they differ among themselves, that may be {worst.at_most:.2g}, and it must surely be below"
            f" {worst.limit:.2g}. {recipe}"
        )
    elif not alike:
        note = (
            "The model that was trained elsewhere cannot be taken for one of the declared recipe: on one set it differs from"
            f" such models, example by example, by far more than they differ among themselves. {recipe}"
        )
    else:
        note = (
            "The model that was trained elsewhere differs from models of the declared recipe by at most"
            f" {max(one.distance for one in found):.2g} of {unit} on average on any set. Example by example, the root mean"
            " square of its distance from them lies within its limit; single examples may lie further away."
        )
    return Control("declared_against_replicates", behaved and alike, permutation, note)


@dataclass(frozen=True)
class _Distance:
    """How far the declared model lies from its replicates on one set."""

    name: str
    distance: float
    at_most: float
    """The upper end of its interval."""
    limit: float

    @property
    def is_small(self) -> bool:
        return self.at_most < self.limit


def _distance_to_the_others(name: str, numbers: Array, protocol: Protocol, *, in_gaps: bool) -> _Distance:
    """Return how far the first number lies from the mean of the others, and how far it may lie."""
    others, n = numbers[1:], len(numbers) - 1
    distance = abs(float(numbers[0] - others.mean()))
    half_width = float(stdtrit(n - 1, 1 - protocol.alpha_per_look) * np.std(others, ddof=1)) / n**0.5
    locations = (e for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap"))
    margin, most = (min(e.margin for e in locations), HALF) if in_gaps else (protocol.influence, MOST_APART)
    return _Distance(name, distance, distance + half_width, min(max(margin, prediction_reach(others)), max(most, margin)))


def _is_spread_like_the_others(matrix: Array, protocol: Protocol, *, in_gaps: bool) -> bool:
    """Say whether the first model differs from the mean of the others, example by example, about as they do from each other.

    Means over the examples do not show a model that knows some of them better and others worse.
    """
    others = matrix[1:]  # (models, examples)
    among = max(_root_mean_square(others[i] - np.delete(others, i, axis=0).mean(axis=0)) for i in range(len(others)))
    locations = (e for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap"))
    margin = min(e.margin for e in locations) if in_gaps else MOST_APART
    most = max(MOST_SPREAD * among, float(np.hypot(among, margin)))
    return _root_mean_square(matrix[0] - others.mean(axis=0)) < most


def _root_mean_square(differences: Array) -> float:
    return float(np.sqrt(np.mean(differences**2)))


def _oracles_differ(outputs: Outputs, estimand: Estimand, gap: float, alpha: float) -> bool:
    """Say whether two halves of the oracles, or one oracle and the others, are further apart than the margin, surely."""
    if estimand.kind == "missed":
        return False
    oracles = outputs.matrix("oracle", estimand.examples, estimand.statistic)  # (models, examples)
    if estimand.kind == "damaged":
        tallies = (damaged(oracles[k::2], oracles[1 - k :: 2], estimand.threshold) for k in (0, 1))
        return any(tally.shares()[1] > estimand.margin for tally in tallies)
    numbers = oracles.mean(axis=1) if estimand.kind == "location" else leave_one_out_distance(oracles)
    if estimand.unit == "gap" and gap <= 0:
        margin = resolution(numbers)  # without a unit for the margin, no difference that shows is small
    else:
        numbers = numbers / gap if estimand.unit == "gap" else numbers
        margin = margin_used(estimand, numbers)
    halves = welch(numbers[::2], numbers[1::2], alpha)
    has_outlier = estimand.unit == "gap" and _has_outlier(numbers, margin, alpha)
    return halves.low > margin or halves.high < -margin or has_outlier


def _answers_like_an_original(outputs: Outputs) -> bool:
    """Say whether an oracle gives exactly an original's answers to everything, although models differ by their seed."""
    oracles, originals = outputs.models("oracle"), outputs.models("original")

    def answers(model: ModelKey) -> list[bytes]:
        return [outputs.vector(model, name, "margin").tobytes() for name in sorted(outputs.ids)]

    given = [answers(model) for model in oracles]
    return any(one != given[0] for one in given) and any(answers(model) in given for model in originals)


def _apart(a: Array, b: Array, margin: float, protocol: Protocol) -> bool:
    difference = welch(a, b, protocol.alpha_per_look)
    return difference.low > margin or difference.high < -margin


def _has_outlier(numbers: Array, margin: float, alpha: float) -> bool:
    """Say whether one of at least four numbers is no draw from the others' normal distribution, and beyond the margin."""
    n = len(numbers)
    if n < 4:  # noqa: PLR2004  # three others are the fewest with a spread worth the name
        return False
    reach = float(stdtrit(n - 2, 1 - alpha / (2 * n))) * (1 + 1 / (n - 1)) ** 0.5
    for i in range(n):
        others = np.delete(numbers, i)
        distance = abs(float(numbers[i] - others.mean()))
        if distance > margin and distance > reach * float(np.std(others, ddof=1)):
            return True
    return False
