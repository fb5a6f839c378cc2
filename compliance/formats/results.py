"""The result of a job, as the engine writes it to `result.json` and verification reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from .checks import check_digest, refuse
from .contracts import ADDED_LATER, Contract
from .efficiency import Efficiency
from .findings import Evaluation
from .trajectory import Trajectory

RESULT_VERSION: Final = 4
"""Version of what is written from now on. A changed rule, a changed sentence of a verdict and a new field are a new one.

1: judged the method by locations and deviations alone, whatever it guarantees; it does not say its version. Some of what
version 2 has was also written without a version; a protocol that asks for the shares of single examples shows it.
2: told how an exact result was made in sentences alone, and counted examples as memorised by a fixed number of standard
errors, of which many examples reach some by chance.
3: kept no answers, and measured less of each example."""
BETWEEN_RELEASES: Final = frozenset({1, 2})
"""Versions that no release of Lethe wrote into a record in the words of today. No later version ended a case in which a job
had begun with them; release 0.1.0 wrote version 1 in words of its own."""
SAYS_TRAINING: Final = 3
"""The first version that states the second training of an exact result."""
SAYS_BASE: Final = 3
"""The first version that states the files of the model that the job began with."""
COUNTS_BY_LEVEL: Final = 3
"""The first version in which the level of the protocol decides how many examples count as memorised."""
ANSWERS: Final = "outputs/answers.parquet"
"""What language models answered, word for word."""
WITHHELD: Final = frozenset({ANSWERS})
"""Files that a result names and that stay with the operator: no report covers them, and no bundle contains them."""
KEEPS_ANSWERS: Final = 4
"""The first version in which the answers of language models are kept."""
ANSWER_IN_TEXTS: Final = frozenset({"causal_lm", "finetuned_lm"})
"""Families of models that answer in texts, as recipes call them. The engine's own table says the same."""

HELD_OUT_ACCURACY: Final = "held_out_accuracy"
"""Among what a training measured: of a model in stages, by this name; of one in shards, once more by each aggregation."""
START_FROM_BASE: Final = frozenset({"finetuned_lm", "finetuned_classifier"})
"""Families of models that start from a checkpoint of somebody else's. The engine's own table says the same."""
SAYS_LIMITS: Final = 4
"""The first version whose limits are compared; earlier ones had other sentences."""


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
class SecondTraining(Contract):
    """The whole training that an exact result is held against. Its model is the result, whatever the method gave."""

    examples: int
    """Training examples that it was given."""
    manifest: str
    """Digest of their manifest lines."""
    forget_examples: int
    """Examples to forget."""
    given: int
    """Those of the examples to forget that it was given."""
    weights: str
    """Digest of the file of its weights, which is that of the result."""
    method_weights: str
    """Digest of the file of weights that the method gave."""
    difference: float | None
    """Largest difference between the two, relative above 1; None if there is none in numbers."""

    def __post_init__(self) -> None:
        for name in ("manifest", "weights", "method_weights"):
            check_digest(getattr(self, name), f"{type(self).__name__}.{name}")
        if not 0 <= self.given <= self.forget_examples:
            refuse(f"{type(self).__name__}.given", "a part of the examples to forget", self.given)
        if self.difference is not None and not 0 <= self.difference < math.inf:
            refuse(f"{type(self).__name__}.difference", "a finite number that is not negative", self.difference)
        if self.repeated and self.difference != 0:
            refuse(f"{type(self).__name__}.difference", "zero between the same weights", self.difference)

    @property
    def repeated(self) -> bool:
        """Return whether the method had given the same weights, bit by bit."""
        return self.weights == self.method_weights


@dataclass(frozen=True)
class Curve(Contract):
    """Points (step, value) of a chart. `name` is loss, forget or retain."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class JobResult(Contract):
    """The result of a finished job, as written to `result.json`."""

    kind: Literal["train", "unlearn", "import"]
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
    """For `train` and `import`: means over the training examples, such as exact memorisation."""
    evaluation: Evaluation | None = None
    trajectory: Trajectory | None = None
    """None unless the method works step by step."""
    efficiency: Efficiency | None = None
    certificate: Certificate | None = None
    """For the production model; None unless the method is certified."""
    second_training: SecondTraining | None = field(default=None, metadata=ADDED_LATER)
    """None unless the method is exact."""
    base_files: Mapping[str, str] | None = field(default=None, metadata=ADDED_LATER)
    """SHA-256 of every file of the model that the job began with, by path within its folder; None if it began with none."""
    version: int = field(default=1, metadata=ADDED_LATER)
    """Version of this contract; the first one did not say it."""

    def __post_init__(self) -> None:
        check_digest(self.retain_digest, f"{type(self).__name__}.retain_digest")
        for name in ("train_examples", "parameters"):
            if getattr(self, name) < 0:
                refuse(f"{type(self).__name__}.{name}", "a number that is not negative", getattr(self, name))
