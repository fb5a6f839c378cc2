"""What unlearning cost, compared with retraining."""

from __future__ import annotations

from dataclasses import dataclass, field

from .contracts import ADDED_LATER, Contract


@dataclass(frozen=True)
class ResourceUsage(Contract):
    """Time and examples that a piece of work took."""

    wall_seconds: float
    device_seconds: float | None = None
    """Seconds between the start and the end on the accelerator, by its own clock; None on a CPU."""
    examples: float | None = None
    """Number of examples passed forward and backward; a forward pass alone counts as a third. None: not counted."""


@dataclass(frozen=True)
class Preparation(Contract):
    """What a method prepared once for all requests about the model version."""

    spent: ResourceUsage
    """Cost in this run; close to nothing if the preparation was done before."""
    models: int
    """Number of models trained for it, in this run or before."""
    correlation: float
    """Correlation between its predictions and the behaviour of models that were not used to make it."""


@dataclass(frozen=True)
class Efficiency(Contract):
    """What it cost to unlearn from the production model and to retrain it, both measured in this run.

    The cost includes measuring the curves during unlearning. It excludes the evaluation and the training of replicates and
    oracles. What a method prepares for all requests about the model version is reported separately.
    """

    unlearning: ResourceUsage
    retraining: ResourceUsage | None
    """Mean over the oracles that were trained in this run, one by one; None if there were none."""
    retrainings: int
    """Number of oracles in that mean."""
    wall_share: float | None
    """Unlearning divided by retraining, here and in the next two fields; None if one of them is unknown."""
    device_share: float | None
    examples_share: float | None
    note: str
    """What a reader needs to know about these numbers, in sentences; may be empty."""
    from_cache: int = field(default=0, metadata=ADDED_LATER)
    """Number of models that the method asked for and that were already trained; its cost is understated by them."""
    micro_batch: int = field(default=0, metadata=ADDED_LATER)
    """The fewest examples that passed at once while the production model unlearned, because memory ran out; 0 if it did not.
    On a machine with more memory, the same job gives the same weights up to rounding alone."""
    preparation: Preparation | None = field(default=None, metadata=ADDED_LATER)
    """None if the method prepares nothing. Its cost is not part of `unlearning`."""
