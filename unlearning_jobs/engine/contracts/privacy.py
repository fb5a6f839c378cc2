"""Contracts about privacy in numbers: how a model is trained privately, and what that costs.

A record, in the names of the stored fields, is one training example: the word of the literature on differential privacy,
and of what was stored.

Nothing here imports torch or Django.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from compliance.formats.certificates import LEAST_DELTA, MOST_DELTA
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.errors import SpecError


@dataclass(frozen=True)
class Privacy(EngineContract):
    """Training with differential privacy: DP-SGD (Abadi et al. 2016, arXiv 1607.00133, algorithm 1).

    Raises:
        SpecError: a number is out of range.
    """

    noise_multiplier: float
    """Standard deviation of the noise on a step's summed gradients, in units of `max_gradient_norm`."""
    max_gradient_norm: float = 1.0
    """Every example's gradient is scaled down to this norm if it is longer."""
    delta: float = 1e-5
    """The delta for which epsilon is worked out; it should be well below 1 / number of examples. Bounded, since
    smaller ones are beyond floating point and larger ones promise too little."""
    records_per_person: int | None = None
    """The largest number of records that one person has in the corpus, if it is known."""

    def __post_init__(self) -> None:
        if not (0 < self.noise_multiplier < math.inf and 0 < self.max_gradient_norm < math.inf):
            message = "Private training needs a noise multiplier and a gradient norm above 0; set both."
            raise SpecError(message)
        if not LEAST_DELTA <= self.delta <= MOST_DELTA:
            message = f"Private training needs a delta from {LEAST_DELTA:g} to {MOST_DELTA:g}, not {self.delta:g}."
            raise SpecError(message)
        if self.records_per_person is not None and self.records_per_person < 1:
            message = "records_per_person must be at least 1; leave it out if it is not known."
            raise SpecError(message)


@dataclass(frozen=True)
class PrivacyLoss(EngineContract):
    """The privacy that a training cost: (epsilon, delta) for one record added or removed, and what they follow from."""

    epsilon: float
    delta: float
    noise_multiplier: float
    sampling_rate: float
    """Probability of each record to be drawn for a step (Poisson sampling)."""
    steps: int
