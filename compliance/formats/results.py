"""The result of a job, as the engine writes it to `result.json` and verification reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from .contracts import ADDED_LATER, Contract
from .efficiency import Efficiency
from .findings import Evaluation
from .trajectory import Trajectory

RESULT_VERSION: Final = 2
"""Version of what is written from now on. A changed rule, a changed sentence of a verdict and a new field are a new one.

1: judged the method by locations and deviations alone, whatever it guarantees; it does not say its version. Some of what
version 2 has was also written without a version; a protocol that asks for the shares of single examples shows it."""


@dataclass(frozen=True)
class Certificate(Contract):
    """What a certified method guarantees about its result, in numbers, and what the guarantee rests on."""

    definition: str
    """What (epsilon, delta) bound, in words."""
    epsilon: float
    delta: float
    records: int
    """Records that the guarantee covers: all that were erased since the model was last trained, whoever they are about."""
    budget_spent: float
    """Share of the model's budget that these records have used; beyond 1 there is no certificate."""
    assumptions: tuple[str, ...]
    """What must be true for the guarantee to hold, in sentences."""
    not_covered: tuple[str, ...]
    """What the guarantee does not cover, in sentences."""


@dataclass(frozen=True)
class Curve(Contract):
    """Points (step, value) of a chart. `name` is loss, forget or retain."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class JobResult(Contract):
    """The result of a finished job, as written to `result.json`."""

    kind: Literal["train", "unlearn"]
    reference: str
    spec_digest: str
    model_digest: str
    files: Mapping[str, str]
    """SHA-256 of every file in the `model` and `outputs` folders, by path relative to the output folder."""
    train_examples: int
    parameters: int
    curves: tuple[Curve, ...]
    seconds: Mapping[str, float]
    """Wall time by stage."""
    environment: Mapping[str, str]
    """Versions, device, threads."""
    retain_digest: str
    """Digest of the manifest lines of the examples that the resulting model may still know."""
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    """For `train`: means over the training examples, such as exact memorisation."""
    evaluation: Evaluation | None = None
    trajectory: Trajectory | None = None
    """None unless the method works step by step."""
    efficiency: Efficiency | None = None
    certificate: Certificate | None = None
    """For the production model; None unless the method is certified."""
    version: int = field(default=1, metadata=ADDED_LATER)
    """Version of this contract; the first one did not say it."""
