"""How the examples to forget rank among held-out ones in a model that has no oracles, and what it lost of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from math import ceil, comb, erfc, sqrt
from statistics import NormalDist, fmean

from compliance.formats.exchange import CHANCE, EXACT_UP_TO, MOST_PAIRED, POWER
from compliance.formats.twins import LOST, TwinFinding, twin_outcome

from .models import Models, Vector


def judge_twins(models: Models, alpha: float) -> TwinFinding:
    """Return what the production model and its original say at a two-sided level."""
    before, after = models.of("original")[0], models.of("unlearned")[0]
    numbers = {(key, name): models.vector(key, name, "margin") for key in (before, after) for name in ("forget", "held_out")}
    control_above, _, control_p = _ranked(numbers[before, "forget"], numbers[before, "held_out"])
    above, p_value, _ = _ranked(numbers[after, "forget"], numbers[after, "held_out"])
    retain, held_out = _lost(models, "retain"), _lost(models, "held_out")
    finding = TwinFinding(
        outcome="says_nothing",
        forget=len(numbers[after, "forget"]),
        held_out=len(numbers[after, "held_out"]),
        control_above=control_above,
        control_p=control_p,
        control_difference=fmean(numbers[before, "forget"]) - fmean(numbers[before, "held_out"]),
        above=above,
        p_value=p_value,
        difference=fmean(numbers[after, "forget"]) - fmean(numbers[after, "held_out"]),
        smallest=_smallest(numbers[after, "held_out"], len(numbers[after, "forget"]), alpha),
        retain_lost=fmean(retain),
        retain_damaged=fmean(one > LOST for one in retain),
        held_out_lost=fmean(held_out),
        held_out_damaged=fmean(one > LOST for one in held_out),
    )
    return replace(finding, outcome=twin_outcome(finding, alpha))


def _lost(models: Models, name: str) -> list[float]:
    before, after = (models.vector(models.of(group)[0], name, "probability") for group in ("original", "unlearned"))
    return [one - other for one, other in zip(before, after, strict=True)]


def _ranked(scores: Vector, others: Vector) -> tuple[float, float, float]:
    """Return the share of pairs in which the first is higher, and the two-sided and one-sided p-value of its rank sum."""
    ranks = _doubled_ranks([*scores, *others])
    n, m, observed = len(scores), len(others), sum(ranks[: len(scores)])
    above, centre, total = (observed / 2 - n * (n + 1) / 2) / (n * m), n * (n + m + 1), n + m
    if min(n, m) * total > EXACT_UP_TO:
        mean = total + 1
        spread = sqrt(n * m / (total * (total - 1)) * sum((rank - mean) ** 2 for rank in ranks))
        z = (observed - centre) / spread if spread else 0.0
        return above, erfc(abs(z) / sqrt(2)), erfc(z / sqrt(2)) / 2
    ways, choices = _ways(ranks, min(n, m)), comb(total, n)
    sums = {chosen if n <= m else sum(ranks) - chosen: count for chosen, count in ways.items()}
    far = sum(count for one, count in sums.items() if abs(one - centre) >= abs(observed - centre))
    return above, far / choices, sum(count for one, count in sums.items() if one >= observed) / choices


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice the rank of each value, equal ones sharing theirs: whole numbers."""
    ascending = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ascending, start=1)))}
    last = {value: place for place, value in enumerate(ascending, start=1)}
    return [first[value] + last[value] for value in values]


def _ways(numbers: Sequence[int], count: int) -> dict[int, int]:
    """Return in how many ways so many of the numbers have each sum.

    The counts of one number of choices stand in one whole number, each in a field that no count outgrows: adding a number to
    all sums is a shift.
    """
    width = comb(len(numbers), count).bit_length() + 1
    packed = [1, *([0] * count)]
    for number in numbers:
        for chosen in range(count, 0, -1):
            packed[chosen] += packed[chosen - 1] << (number * width)
    bits = bin(packed[count])[:1:-1]  # the lowest first
    fields = (bits[place : place + width][::-1] for place in range(0, len(bits), width))
    return {total: ways for total, field in enumerate(fields) if (ways := int(field, 2))}


def _smallest(unseen: Vector, count: int, alpha: float) -> float | None:
    """Return the smallest difference that the test finds with the power that is asked for (Noether 1987)."""
    normal, total = NormalDist(), len(unseen) + count
    needed = CHANCE + (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)) * sqrt(
        (total + 1) / (12 * len(unseen) * count)
    )
    if len(unseen) < 2 or needed >= 1:  # noqa: PLR2004  # a pair
        return None
    some = sorted(unseen)
    if len(some) > MOST_PAIRED:
        some = [some[place * len(some) // MOST_PAIRED] for place in range(MOST_PAIRED)]
    apart = sorted(one - other for one, other in permutations(some, 2))
    return apart[ceil(needed * len(apart)) - 1]
