"""Whether the controls behaved, and whether there is anything to unlearn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import hypot, sqrt
from statistics import fmean

from compliance.formats.assurances import FEWEST_REPLICATES
from compliance.formats.findings import MOST_SPREAD, Precision
from compliance.formats.protocol import FURTHER, HALF, MOST_APART, Estimand, Protocol

from .method import judge
from .models import Models, Vector, centre, distance, leave_one_out, means, minus
from .shares import damaged
from .shipped import judge_shipped
from .student import Difference, Numbers, deviation, one_sample, quantile, reach, resolution, variance, welch

FEWEST_FOR_OUTLIER = 4
JUDGED = frozenset({"forget", "retain", "held_out"})


def behaved(models: Models, protocol: Protocol, name: str) -> bool:
    """Return whether a control behaved."""
    check = {
        "do_nothing": _do_nothing,
        "oracle_against_oracle": _oracles,
        "pairs_against_independent": _pairs,
        "declared_against_replicates": _declared,
    }
    return check[name](models, protocol)


def moved(models: Models, alpha: float) -> Difference:
    """Return by how much the forget set moves its own mean probability."""
    originals, (oracles, paired) = (
        models.matrix("original", "forget", "probability"),
        models.compared("forget", "probability"),
    )
    return (one_sample if paired else welch)(means(originals), means(oracles), alpha)


def precision(models: Models) -> Precision | None:
    """Return the oracles' spread in units of the gap, and what pairs save; None without a gap."""
    numbers = means(models.matrix("oracle", "forget", "margin"))
    gap = _gap(models, numbers)
    if gap <= 0:
        return None
    own, unlearned = means(models.pairs("forget", "margin")), means(models.matrix("unlearned", "forget", "margin"))
    saved = None
    if len(own) > 1:
        paired = variance(minus(unlearned, own))
        saved = (variance(unlearned) + variance(own)) / paired if paired > 0 else None
    return Precision(deviation(numbers) / gap, saved)


def _gap(models: Models, oracles: Numbers) -> float:
    return fmean(means(models.matrix("original", "forget", "margin"))) - fmean(oracles)


def _do_nothing(models: Models, protocol: Protocol) -> bool:
    nothing, alpha = models.unlearned_by_nothing(), protocol.alpha_per_look
    locations = list(_forget_locations(protocol))
    about_method = [judge(nothing, one, alpha).position for one in locations]
    return "above" in about_method and "within" not in [judge_shipped(nothing, one, alpha).position for one in locations]


def _forget_locations(protocol: Protocol) -> Iterator[Estimand]:
    return (one for one in protocol.estimands if (one.examples, one.kind, one.unit) == ("forget", "location", "gap"))


def _pairs(models: Models, protocol: Protocol) -> bool:
    pairs, seeds = means(models.pairs("forget", "margin")), {seed for _, seed in models.of("unlearned")}
    others = [key for key in models.of("oracle") if key[1] not in seeds]
    independent = means([models.vector(key, "forget", "margin") for key in others])
    gap = _gap(models, pairs)
    if gap <= 0:
        return True
    margin = min(one.margin for one in _forget_locations(protocol))
    between = welch([one / gap for one in pairs], [one / gap for one in independent], protocol.alpha_per_look)
    return between.low <= margin and between.high >= -margin


def _declared(models: Models, protocol: Protocol) -> bool:
    """Return whether the model that was trained elsewhere surely lies near the replicates on every set.

    It must do so on average, and example by example.
    """
    gap = fmean(means(models.matrix("original", "forget", "margin"))[1:]) - fmean(
        means(models.matrix("oracle", "forget", "margin"))
    )
    n = len(models.of("original")) - 1
    if n < FEWEST_REPLICATES:
        return False
    in_gaps = _do_nothing(models, protocol) and gap > 0
    margin, most = (
        (min(one.margin for one in _forget_locations(protocol)), HALF) if in_gaps else (protocol.influence, MOST_APART)
    )
    for name in JUDGED & {name for _, name, _ in models.values}:
        matrix = models.matrix("original", name, "margin" if in_gaps else "probability")
        if not _spread_alike(matrix, gap if in_gaps else 1.0, margin if in_gaps else MOST_APART):
            return False
        numbers = means(matrix)
        declared, *replicates = (one / gap for one in numbers) if in_gaps else numbers
        half_width = quantile(n - 1, 1 - protocol.alpha_per_look) * deviation(replicates) / n**0.5
        if abs(declared - fmean(replicates)) + half_width >= min(max(margin, reach(replicates, FURTHER)), max(most, margin)):
            return False
    return True


def _spread_alike(matrix: Sequence[Vector], unit: float, margin: float) -> bool:
    """Return whether the first model lies, example by example, about as far from the others as they from each other."""
    declared, *replicates = matrix
    among = max(map(_apart, replicates, leave_one_out(replicates))) / unit
    return _apart(declared, centre(replicates)) / unit < max(MOST_SPREAD * among, hypot(among, margin))


def _apart(first: Vector, second: Vector) -> float:
    return sqrt(fmean(one * one for one in minus(first, second)))


def _oracles(models: Models, protocol: Protocol) -> bool:
    gap = _gap(models, means(models.matrix("oracle", "forget", "margin")))
    alpha = protocol.alpha_per_look / (2 * len(protocol.estimands))
    return not _answers_like_an_original(models) and not any(_differ(models, one, gap, alpha) for one in protocol.estimands)


def _differ(models: Models, estimand: Estimand, gap: float, alpha: float) -> bool:
    if estimand.kind == "missed":
        return False
    oracles = [models.vector(key, estimand.examples, estimand.statistic) for key in models.order if key[0] == "oracle"]
    if estimand.kind == "damaged":
        halves = oracles[::2], oracles[1::2]
        tallies = (damaged(one, other, estimand.threshold) for one, other in (halves, halves[::-1]))
        return any(tally.certain / max(tally.judged, 1) > estimand.margin for tally in tallies)
    numbers = means(oracles) if estimand.kind == "location" else list(map(distance, oracles, leave_one_out(oracles)))
    in_gaps = estimand.unit == "gap"
    if in_gaps and gap <= 0:
        margin = resolution(numbers)
    elif in_gaps:
        numbers, margin = [one / gap for one in numbers], estimand.margin
    else:
        margin = max(estimand.margin, reach(numbers, FURTHER))
    between = welch(numbers[::2], numbers[1::2], alpha)
    return between.low > margin or between.high < -margin or (in_gaps and _has_outlier(numbers, margin, alpha))


def _has_outlier(numbers: Numbers, margin: float, alpha: float) -> bool:
    n = len(numbers)
    if n < FEWEST_FOR_OUTLIER:
        return False
    far = quantile(n - 2, 1 - alpha / (2 * n)) * (1 + 1 / (n - 1)) ** 0.5
    for place, one in enumerate(numbers):
        others = [*numbers[:place], *numbers[place + 1 :]]
        away = abs(one - fmean(others))
        if away > margin and away > far * deviation(others):
            return True
    return False


def _answers_like_an_original(models: Models) -> bool:
    sets = sorted({name for _, name, _ in models.values})

    def answers(key: tuple[str, int]) -> tuple[Vector, ...]:
        return tuple(tuple(models.vector(key, name, "margin")) for name in sets)

    given = [answers(key) for key in models.of("oracle")]
    return any(one != given[0] for one in given) and any(answers(key) in given for key in models.of("original"))
