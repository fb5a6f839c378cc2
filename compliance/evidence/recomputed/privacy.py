"""The epsilon of private training (DP-SGD), from its noise, its sampling rate and the number of its steps.

Two training sets, of which one has an example more, are told apart by the privacy loss of each step: the logarithm of how
much likelier what was seen is with the example. The losses of all steps add up, so the distribution of their sum is a
convolution, and epsilon follows from it and delta (Koskela et al. 2020, arXiv 1906.03049). Losses are rounded to a grid so
that both sets keep their probabilities (Doroshenko et al. 2022, arXiv 2207.04380): epsilon is never too small.
"""

from __future__ import annotations

import cmath
import math
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

POINTS: Final = 2**14
"""Of the grid, up to so many steps; more steps need a finer one."""
FOR_STEPS: Final = 10_000
MOST_POINTS: Final = 2**18
MOST_EPSILON: Final = 100.0
"""Beyond it, no epsilon is computed: it promises nothing."""
ORDERS: Final = (1, 2, 4, 8, 16, 32, 64)
"""Exponents with which the tails of the sum are bounded (Chernoff)."""
IGNORED: Final = 1e-4
"""Share of delta that may lie outside the grid."""
TAIL: Final = 9
"""Standard deviations beyond which the noise counts as impossible."""
NODES: Final = 400
"""Of an integral over the noise."""


class Step(NamedTuple):
    """A step: the noise on the summed gradients, in units of their largest norm, and each example's chance to be drawn."""

    noise: float
    rate: float

    def loss(self, seen: float) -> float:
        """Return the privacy loss of what was seen, from 0 (without the example's gradient) to 1 (with all of it)."""
        drawn = math.log(self.rate) + (2 * seen - 1) / (2 * self.noise**2)
        if self.rate == 1:
            return drawn
        low, high = sorted((drawn, math.log1p(-self.rate)))
        return high + math.log1p(math.exp(low - high))

    def above(self, loss: float) -> tuple[float, float]:
        """Return the probability of a larger loss, with the example and without it."""
        ratio = 1 + math.expm1(loss) / self.rate
        if ratio <= 0:
            return 1.0, 1.0
        seen = self.noise**2 * math.log(ratio) + 0.5
        without = _above(seen / self.noise)
        return self.rate * _above((seen - 1) / self.noise) + (1 - self.rate) * without, without

    def log_moment(self, order: int) -> float:
        """Return the logarithm of the mean of e^(order x loss), with the example."""
        first, last = min(order, 0) - TAIL * self.noise, max(order, 0) + 1 + TAIL * self.noise
        width = (last - first) / NODES
        seen = [first + width * place for place in range(NODES + 1)]
        terms = [(order + 1) * self.loss(one) - (one / self.noise) ** 2 / 2 for one in seen]
        largest = max(terms)
        total = sum(math.exp(term - largest) for term in terms) * width
        return largest + math.log(total / (self.noise * math.sqrt(2 * math.pi)))


@cache
def training_epsilon(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return the smallest epsilon of such a training at this delta, for one example; infinite if it promises nothing."""
    step = Step(noise, rate)
    low, high = _range(step, steps, delta)
    if high > MOST_EPSILON:
        return math.inf
    points = POINTS
    while points < MOST_POINTS and points**2 * FOR_STEPS < POINTS**2 * steps:
        points *= 2
    width = (high - low) / points
    start = math.floor(low / width)
    return _epsilon(_added(_grid(step, start, width, points), steps), start, width, delta)


def _range(step: Step, steps: int, delta: float) -> tuple[float, float]:
    """Return bounds between which the sum lies, but for a share of delta."""
    rest = -math.log(delta * IGNORED)
    low = max(-(steps * step.log_moment(-order) + rest) / order for order in ORDERS)
    return low, min((steps * step.log_moment(order) + rest) / order for order in ORDERS)


def _grid(step: Step, start: int, width: float, points: int) -> list[float]:
    """Return the probability of each loss on the grid; place 0 is a loss of 0, and negative ones follow after the others."""
    masses = [0.0] * points
    first = max(start, math.floor(step.loss(-TAIL * step.noise) / width))
    last = min(start + points - 2, math.ceil(step.loss(1 + TAIL * step.noise) / width))
    tails = [step.above(place * width) for place in range(first, last + 1)]
    masses[first % points] += 1 - tails[0][0]
    masses[last % points] += tails[-1][0]
    for place, (before, after) in enumerate(pairwise(tails), start=first):
        mass, without = before[0] - after[0], before[1] - after[1]
        up = (mass - without * math.exp(place * width)) / -math.expm1(-width)
        up = min(max(up, 0.0), mass)
        masses[place % points] += mass - up
        masses[(place + 1) % points] += up
    return masses


def _added(masses: list[float], steps: int) -> list[float]:
    """Return the probabilities of the sum of so many losses."""
    waves = _transformed([complex(mass) for mass in masses], -1)
    return [one.real / len(masses) for one in _transformed([wave**steps for wave in waves], 1)]


def _transformed(values: list[complex], sign: int) -> list[complex]:
    """Return the Fourier transform, by halves; the number of values is a power of two."""
    if len(values) == 1:
        return values
    even, odd = _transformed(values[::2], sign), _transformed(values[1::2], sign)
    turned = [cmath.rect(1, sign * math.tau * place / len(values)) * one for place, one in enumerate(odd)]
    return [a + b for a, b in zip(even, turned, strict=True)] + [a - b for a, b in zip(even, turned, strict=True)]


def _epsilon(masses: list[float], start: int, width: float, delta: float) -> float:
    """Return the smallest epsilon, from 0, of which the sum's excess is at most delta."""
    total = without = 0.0
    for place in range(start + len(masses) - 1, -1, -1):
        mass = max(masses[place % len(masses)], 0.0)
        total, without = total + mass, without + mass * math.exp(-place * width)
        if total - without * math.exp((place - 1) * width) >= delta:
            return max(0.0, math.log((total - delta) / without))
    return 0.0


def _above(deviations: float) -> float:
    return math.erfc(deviations / math.sqrt(2)) / 2
