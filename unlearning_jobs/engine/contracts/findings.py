"""The findings of an evaluation, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compliance.formats.verdicts import Verdict
from unlearning_jobs.engine.contracts.contract import EngineContract, formerly

from .protocol import Estimand


@dataclass(frozen=True)
class EstimandFinding(EngineContract):
    """An estimand's estimate with its confidence interval (level 1 - 2 alpha, Welch's t over models), and its position."""

    estimand: Estimand
    estimate: float
    low: float
    high: float
    position: Literal["within", "below", "above", "undecided"]
    """within: the interval lies inside the margin. below, above: it lies outside, on that side. undecided: neither."""


@dataclass(frozen=True)
class PermutationFinding(EngineContract):
    """The two-sided permutation test over models. Labels are permuted for all examples at once."""

    statistic: float
    """Mean of |AUC - 1/2| over the examples."""
    p_value: float
    labelings: int
    """Number of labellings of the models that were tried."""
    exhaustive: bool
    """True if those are all possible labellings; False if they were drawn."""


@dataclass(frozen=True)
class Control(EngineContract):
    """A comparison whose outcome is known in advance. If it does not behave, the verdict is inconclusive."""

    name: Literal["oracle_against_oracle", "do_nothing"]
    behaved: bool
    permutation: PermutationFinding
    note: str


@dataclass(frozen=True)
class MetricFinding(EngineContract):
    """A metric's value for the unlearned model, the original and the oracles. It is reported and not judged.

    In a group metric, `unlearned` compares the unlearned models with oracles, and `original` compares the originals with
    oracles. `oracles` compares oracles with other oracles, once for each of several splits: the noise floor.
    """

    name: str
    examples: str
    unlearned: float
    original: float
    oracles: tuple[float, ...]
    note: str = ""
    low: float | None = None
    """90 % interval of `unlearned`, from resampled models and examples; None if the metric has none."""
    high: float | None = None


@dataclass(frozen=True)
class SetFinding(EngineContract):
    """The permutation test of unlearned models against oracles on one set of examples."""

    examples: str
    permutation: PermutationFinding
    p_adjusted: float
    """Adjusted by Holm (1979) for the number of sets tested."""


@dataclass(frozen=True)
class ExampleFindings(EngineContract):
    """Tests of single forget examples: unlearned models against oracles, by the margin. One entry per example, in order.

    `too_high` counts examples that the unlearned models know better than the oracles do (undershot), `too_low` examples
    that they know less well (overshot). With `fdr`, the expected share of examples counted by chance is at most `level`.
    With `fwer`, the probability that any example is counted by chance is at most `level`.
    """

    example_ids: tuple[str, ...] = field(metadata=formerly("record_ids"))
    auc: tuple[float, ...]
    """Probability that an unlearned model's margin is above an oracle's. At 1/2 the example is as after retraining."""
    p_value: tuple[float, ...]
    """Two-sided, for the example by itself: exact Mann-Whitney, or from drawn labellings."""
    p_fdr: tuple[float, ...]
    """Adjusted by Benjamini and Hochberg (1995)."""
    p_fwer: tuple[float, ...]
    """Adjusted by Westfall and Young's max-T (1993), which takes the dependence between examples into account."""
    level: float
    too_high_fdr: int
    too_low_fdr: int
    too_high_fwer: int
    too_low_fwer: int


@dataclass(frozen=True)
class Evaluation(EngineContract):
    """All findings, and the verdict."""

    verdict: Verdict
    gap: float
    """Do-nothing gap on the forget set, in the margin's unit: mean of the originals minus mean of the oracles."""
    estimands: tuple[EstimandFinding, ...]
    permutation: PermutationFinding
    controls: tuple[Control, ...]
    metrics: tuple[MetricFinding, ...]
    limits: tuple[str, ...]
    """What this evaluation does not show, in sentences."""
    sets: tuple[SetFinding, ...] = ()
    examples: ExampleFindings | None = None
