"""The cost model: predicts the cost of a method and its evaluation, with the uncertainty of the prediction.

    expected seconds = trainings, counted in examples  x  measured seconds of one training  x  correction

The catalogue counts the trainings of the method, and the protocol those of its evaluation, look by look. The seconds were
measured when this model version was trained. The correction is learned from finished jobs of the same method and family on
the same device: measured over expected cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Final, Literal

from compliance.formats.protocol import ANNEXED
from unlearning_jobs.engine.catalogue import Facts, attacks_cost, expected_cost, method_guarantee, preparation_cost
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.errors import SpecError

from .distributions import student_quantile

LEVEL: Final = 0.9
"""Coverage of every prediction interval."""
PRIOR_FACTOR: Final = 3.0
"""Without measurements, nine jobs in ten are assumed to cost between a third of the expected cost and three times it."""
PRIOR_JOBS: Final = 0.2
"""Weight of the prior mean (the expectation is right), in measured jobs. It is low because overhead can make the expectation
wrong by a large factor."""
PRIOR_FREEDOM: Final = 4
"""Weight of the prior spread, in measured jobs."""


@dataclass(frozen=True)
class Estimate:
    """A quantity of at least 0, with the interval that is expected to contain it nine times out of ten."""

    low: float
    middle: float
    high: float

    def __add__(self, other: Estimate) -> Estimate:
        """Add both, as if their errors were fully correlated: the interval is too wide rather than too narrow."""
        return Estimate(self.low + other.low, self.middle + other.middle, self.high + other.high)

    def __mul__(self, factor: Estimate | float) -> Estimate:
        """Multiply by a factor; errors add up as in a sum."""
        other = factor if isinstance(factor, Estimate) else exactly(factor)
        return Estimate(self.low * other.low, self.middle * other.middle, self.high * other.high)


def exactly(value: float) -> Estimate:
    """Return the estimate of a quantity that is known exactly."""
    return Estimate(value, value, value)


def correction(ratios: Sequence[float]) -> Estimate:
    """Predict the next job's ratio of actual to expected cost from the ratios of finished jobs.

    The logarithms of the ratios are modelled as normal, x_i ~ N(mu, sigma^2), with the conjugate prior that the expectation
    is right: mu | sigma^2 ~ N(0, sigma^2 / k0) and sigma^2 ~ Scaled-Inv-chi^2(v0, s0^2). After n jobs with mean m and sum
    of squares S around it (Gelman et al. 2013, Bayesian Data Analysis, section 3.3):

        k = k0 + n,  v = v0 + n,  centre = n m / k,  v s^2 = v0 s0^2 + S + k0 n m^2 / k

    The next logarithm is then Student t with v degrees of freedom, location centre and scale s sqrt(1 + 1/k). The estimate
    is the exponential of its 5 %, 50 % and 95 % quantiles. Its middle is the geometric mean of the ratios, drawn towards 1
    as if k0 further jobs had taken exactly what was expected. The prior's s0 makes the interval without jobs [1/3, 3].

    Raises:
        ValueError: a ratio is not a number above 0.
    """
    if not all(0 < ratio < math.inf for ratio in ratios):
        message = "Ratios of measured to expected costs must be numbers above 0."
        raise ValueError(message)
    # 1. The posterior of the logarithms' mean and variance, in the terms of the docstring: k, v, centre and s^2.
    logs = [math.log(ratio) for ratio in ratios]
    jobs, mean = len(logs), fmean(logs) if logs else 0.0
    weight, freedom = PRIOR_JOBS + jobs, PRIOR_FREEDOM + jobs  # k and v
    centre = jobs * mean / weight
    squares = math.fsum((x - mean) ** 2 for x in logs) + PRIOR_JOBS * jobs * mean**2 / weight
    variance = (PRIOR_FREEDOM * _prior_variance() + squares) / freedom
    # 2. The predictive interval of the next job.
    half_width = _quantile(freedom) * math.sqrt(variance * (1 + 1 / weight))
    return Estimate(math.exp(centre - half_width), math.exp(centre), math.exp(centre + half_width))


def _prior_variance() -> float:
    return (math.log(PRIOR_FACTOR) / _quantile(PRIOR_FREEDOM)) ** 2 / (1 + 1 / PRIOR_JOBS)


def _quantile(freedom: int) -> float:
    return student_quantile(freedom, (1 + LEVEL) / 2)


@dataclass(frozen=True)
class Measurement:
    """A finished job's measured over expected costs. A field is None if the job says nothing about it."""

    method: str
    family: str
    device: str
    unlearning: float | None
    evaluation: float | None


@dataclass(frozen=True)
class Situation:
    """A job for which no method is chosen yet."""

    facts: Facts
    annex: Protocol
    """For exact and certified methods. Of both protocols, the size and the attacks count."""
    measured: Protocol
    """For all others."""
    trained_on: str = ""
    """Device on which the seconds of one training were measured; empty if unknown."""
    device: str = ""
    """Device on which the job would run; empty if unknown."""
    seconds_left: float | None = None
    """Seconds until the deadline; negative once it has passed, None if there is no deadline."""

    @property
    def clock(self) -> Literal["known", "not_measured", "other_device"]:
        """Return whether trainings can be converted to seconds, and if not, why. Times of another device do not transfer."""
        if not (self.facts.trained_seconds > 0 and self.trained_on and self.device):
            return "not_measured"
        return "known" if self.trained_on == self.device else "other_device"

    def protocol(self, method: str) -> Protocol:
        """Return the protocol that fits the method's guarantee."""
        return self.annex if method_guarantee(method) in ANNEXED else self.measured

    def replicates(self, method: str, look: int) -> int:
        """Return how many replicates there are at a look, from 1."""
        return self.protocol(method).unlearned_at(look) - 1

    def evaluation_trainings(self, method: str, look: int) -> float:
        """Return how many trainings the evaluation needs up to a look, from 1.

        They are oracles, replicates with their earlier steps, for an exact method the second execution, and the attacks
        that the protocol asks for.
        """
        again = 1.0 if method_guarantee(method) == "exact" else 0.0
        replicates, protocol = self.replicates(method, look) * (1 + _earlier_share(self.facts)), self.protocol(method)
        return replicates + protocol.oracles_at(look) + again + attacks_cost(protocol, self.facts, look)


@dataclass(frozen=True)
class Forecast:
    """The expected cost of a job, in trainings of its model. The parts do not overlap."""

    unlearning: Estimate
    preparation: Estimate
    """Once per model version, for all its requests."""
    evaluation: Estimate
    """For replicates, unlearned like the model, oracles, attacks, and the second execution of an exact method, if all looks
    are needed. None of them is cached, because their seeds are drawn anew."""
    first_look: Estimate
    """The same if the first look decides."""
    jobs: int
    """Number of finished jobs that `unlearning` was corrected by; with 0, the error is the prior's."""
    evaluations: int
    """The same for `evaluation`."""

    @property
    def total(self) -> Estimate:
        """Return the sum of all parts, if all looks are needed."""
        return self.unlearning + self.preparation + self.evaluation

    @property
    def least(self) -> Estimate:
        """Return the sum of all parts, if the first look decides."""
        return self.unlearning + self.preparation + self.first_look


def forecast(
    method: str,
    situation: Situation,
    measurements: Iterable[Measurement] = (),
    *,
    config: Mapping[str, Any] | None = None,
) -> Forecast:
    """Predict the cost of the method, by default with its default settings, and of its evaluation.

    Evaluations of different methods on a family differ only in the replicates' unlearning, so their measurements are pooled.

    Raises:
        SpecError: there is no such method.
    """
    facts = situation.facts
    comparable = [m for m in measurements if (m.family, m.device) == (facts.recipe.family, situation.device)]
    unlearnings = [m.unlearning for m in comparable if m.method == method and m.unlearning is not None]
    evaluations = [m.evaluation for m in comparable if m.evaluation is not None]
    unlearning = correction(unlearnings) * expected_cost(method, facts, config)

    def evaluation(look: int) -> Estimate:
        replicates = unlearning * float(situation.replicates(method, look))
        return correction(evaluations) * (exactly(situation.evaluation_trainings(method, look)) + replicates)

    return Forecast(
        unlearning=unlearning,
        preparation=correction(()) * preparation_cost(method, facts, config),
        evaluation=evaluation(situation.protocol(method).looks),
        first_look=evaluation(1),
        jobs=len(unlearnings),
        evaluations=len(evaluations),
    )


def measure(
    method: str,
    config: Mapping[str, Any],
    situation: Situation,
    *,
    unlearning_seconds: float | None,
    evaluation_seconds: float | None,
    look: int = 1,
) -> Measurement | None:
    """Compare a finished job with the cost model; None if its seconds cannot be compared with those of one training.

    The expectation is that of the look that ended the job. The ratio is measured to expected seconds rather than shares of a
    training in the same run, because the forecast is in seconds: differences between trainings are part of its error.

    Raises:
        SpecError: there is no such method, or its configuration is wrong.
    """
    if situation.clock != "known":
        return None
    training = situation.facts.trained_seconds
    expected = training * expected_cost(method, situation.facts, config)
    replicate = expected if unlearning_seconds is None else unlearning_seconds
    evaluation = training * situation.evaluation_trainings(method, look) + situation.replicates(method, look) * replicate
    return Measurement(
        method=method,
        family=situation.facts.recipe.family,
        device=situation.device,
        unlearning=_ratio(unlearning_seconds, expected),
        evaluation=_ratio(evaluation_seconds, evaluation),
    )


def _ratio(measured: float | None, expected: float) -> float | None:
    """Return measured over expected cost; None if one of them is unknown or zero, which says nothing about the next job."""
    return measured / expected if measured and expected else None


def _earlier_share(facts: Facts) -> float:
    """Return the cost of repeating all earlier steps. A step whose method no longer exists counts as one training."""
    share = 0.0
    for step in facts.earlier:
        try:
            then = replace(facts, forget=len(step.forget_ids), touched=None)
            share += expected_cost(step.method.name, then, step.method.config)
        except SpecError:  # an earlier version may have had other methods
            share += 1.0
    return share
