"""The measured cost model: what a method and its evaluation are expected to take, and how far off that may be.

    expected seconds = trainings, counted in examples  x  measured seconds of one training  x  correction

The count is the catalogue's. The seconds are those of this model version, as measured when it was trained. The correction
is learned from finished jobs of the same method and family on the same device: what they took over what was expected.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Final, Literal

from scipy.special import stdtrit

from unlearning_jobs.engine.catalogue import Facts, expected_cost, preparation_cost
from unlearning_jobs.engine.errors import SpecError

LEVEL: Final = 0.9
"""Of every prediction interval."""
PRIOR_FACTOR: Final = 3.0
"""Before anything was measured, nine jobs in ten are taken to cost between a third and three times what is expected."""
PRIOR_JOBS: Final = 0.2
"""How many measured jobs the belief that the expectation is right weighs as much as. Overhead can make it wrong many times
over, so little."""
PRIOR_FREEDOM: Final = 4
"""How many measured jobs the belief in the prior's spread weighs as much as."""


@dataclass(frozen=True)
class Estimate:
    """A quantity of at least 0, with the interval in which it is expected to lie nine times out of ten."""

    low: float
    middle: float
    high: float

    def __add__(self, other: Estimate) -> Estimate:
        """Both together, as if their errors went the same way: wider rather than narrower than it need be."""
        return Estimate(self.low + other.low, self.middle + other.middle, self.high + other.high)

    def __mul__(self, factor: Estimate | float) -> Estimate:
        """So many times; errors as in a sum."""
        by = factor if isinstance(factor, Estimate) else exactly(factor)
        return Estimate(self.low * by.low, self.middle * by.middle, self.high * by.high)


def exactly(value: float) -> Estimate:
    """A quantity that is known."""
    return Estimate(value, value, value)


def correction(ratios: Sequence[float]) -> Estimate:
    """The factor from what is expected of the next job to what it takes, from those factors of finished jobs.

    The logarithms of the factors are taken as normal, x_i ~ N(mu, sigma^2), with the conjugate prior that the expectation is
    right: mu | sigma^2 ~ N(0, sigma^2 / k0) and sigma^2 ~ Scaled-Inv-chi^2(v0, s0^2). After n jobs with mean m and squares
    S around it (Gelman et al. 2013, Bayesian Data Analysis, section 3.3):

        k = k0 + n,  v = v0 + n,  centre = n m / k,  v s^2 = v0 s0^2 + S + k0 n m^2 / k

    and the next logarithm is Student t with v degrees of freedom, location centre and scale s sqrt(1 + 1/k). Given back are
    the exponentials of its 5 %, 50 % and 95 % quantiles: the middle is the geometric mean of the factors, drawn towards 1 as
    if k0 jobs had taken just what was expected. The prior's s0 is such that the interval without any job is from 1/3 to 3.

    Raises:
        ValueError: a ratio is not a number above 0.
    """
    if not all(0 < ratio < math.inf for ratio in ratios):
        message = "Ratios of measured to expected costs are numbers above 0."
        raise ValueError(message)
    logs = [math.log(ratio) for ratio in ratios]
    jobs, mean = len(logs), fmean(logs) if logs else 0.0
    weight, freedom = PRIOR_JOBS + jobs, PRIOR_FREEDOM + jobs
    centre = jobs * mean / weight
    squares = math.fsum((x - mean) ** 2 for x in logs) + PRIOR_JOBS * jobs * mean**2 / weight
    spread2 = (PRIOR_FREEDOM * _prior_spread2() + squares) / freedom
    reach = _quantile(freedom) * math.sqrt(spread2 * (1 + 1 / weight))
    return Estimate(math.exp(centre - reach), math.exp(centre), math.exp(centre + reach))


def _prior_spread2() -> float:
    return (math.log(PRIOR_FACTOR) / _quantile(PRIOR_FREEDOM)) ** 2 / (1 + 1 / PRIOR_JOBS)


def _quantile(freedom: int) -> float:
    return float(stdtrit(freedom, (1 + LEVEL) / 2))


@dataclass(frozen=True)
class Measurement:
    """What a finished job took, over what was expected of it. None: the job says nothing about that."""

    method: str
    family: str
    device: str
    unlearning: float | None
    evaluation: float | None


@dataclass(frozen=True)
class Situation:
    """A job that has not been decided on yet."""

    facts: Facts
    replicates: int
    oracles: int
    trained_on: str = ""
    """Device on which the seconds of one training were measured; empty where it is not known."""
    device: str = ""
    """Device on which the job would run; empty where it is not known."""
    seconds_left: float | None = None
    """Until the deadline; below 0 once it has passed, None where there is none."""

    @property
    def clock(self) -> Literal["known", "not_measured", "other_device"]:
        """Whether trainings can be told in seconds, and if not, why: a time on another device would be a guess."""
        if not (self.facts.trained_seconds > 0 and self.trained_on and self.device):
            return "not_measured"
        return "known" if self.trained_on == self.device else "other_device"

    @property
    def evaluation_trainings(self) -> float:
        """Trainings that the evaluation needs: oracles, and replicates, which take every earlier step again."""
        return self.replicates * (1 + _earlier_share(self.facts)) + self.oracles


@dataclass(frozen=True)
class Forecast:
    """What a job is expected to cost, in trainings of its model. All parts are its cost alone, in addition to the others."""

    unlearning: Estimate
    preparation: Estimate
    """Once per model version, for all its requests."""
    evaluation: Estimate
    """Its replicates, unlearned like the model, and its oracles, none of which is there yet: their seeds are drawn anew."""
    jobs: int
    """Finished jobs that the error of `unlearning` was learned from; 0: it is the prior's."""
    evaluations: int
    """The same of `evaluation`."""

    @property
    def total(self) -> Estimate:
        """All parts together."""
        return self.unlearning + self.preparation + self.evaluation


def forecast(method: str, situation: Situation, measurements: Iterable[Measurement] = ()) -> Forecast:
    """What the method, with its default settings, and its evaluation are expected to cost.

    Evaluations of all methods of a family are alike, apart from the replicates' unlearning, and are learned from together.

    Raises:
        SpecError: there is no such method.
    """
    facts = situation.facts
    alike = [m for m in measurements if (m.family, m.device) == (facts.recipe.family, situation.device)]
    own = [m.unlearning for m in alike if m.method == method and m.unlearning is not None]
    evaluations = [m.evaluation for m in alike if m.evaluation is not None]
    unlearning = correction(own) * expected_cost(method, facts)
    return Forecast(
        unlearning=unlearning,
        preparation=correction(()) * preparation_cost(method, facts),
        evaluation=correction(evaluations)
        * (exactly(situation.evaluation_trainings) + unlearning * float(situation.replicates)),
        jobs=len(own),
        evaluations=len(evaluations),
    )


def measure(
    method: str,
    config: Mapping[str, Any],
    situation: Situation,
    *,
    unlearning_seconds: float | None,
    evaluation_seconds: float | None,
) -> Measurement | None:
    """What a finished job says about the cost model; None when its seconds cannot be compared with those of one training.

    The ratio is of seconds to the seconds expected, and not of shares of a training in the same run, because seconds are
    what is forecast: how far trainings differ from one another is part of the error.

    Raises:
        SpecError: there is no such method, or its configuration is wrong.
    """
    if situation.clock != "known":
        return None
    one = situation.facts.trained_seconds
    expected = one * expected_cost(method, situation.facts, config)
    replicate = expected if unlearning_seconds is None else unlearning_seconds
    return Measurement(
        method=method,
        family=situation.facts.recipe.family,
        device=situation.device,
        unlearning=_ratio(unlearning_seconds, expected),
        evaluation=_ratio(evaluation_seconds, one * situation.evaluation_trainings + situation.replicates * replicate),
    )


def _ratio(measured: float | None, expected: float) -> float | None:
    """Measured over expected; None where one of them is unknown or nothing, and says nothing about the next job."""
    return measured / expected if measured and expected else None


def _earlier_share(facts: Facts) -> float:
    """Of taking all earlier steps again. A step whose method is no longer there counts as one training."""
    share = 0.0
    for step in facts.earlier:
        try:
            share += expected_cost(step.method.name, replace(facts, forget=len(step.forget_ids)), step.method.config)
        except SpecError:
            share += 1.0
    return share
