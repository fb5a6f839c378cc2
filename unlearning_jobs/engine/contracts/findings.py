"""What an evaluation found, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compliance.formats.verdicts import Verdict
from unlearning_jobs.engine.contracts.contract import Contract, formerly

from .protocol import Estimand


@dataclass(frozen=True)
class EstimandFinding(Contract):
    """An estimand's estimate with its confidence interval (level 1 - 2 alpha, Welch t over models), and where it lies."""

    estimand: Estimand
    estimate: float
    low: float
    high: float
    position: Literal["within", "below", "above", "undecided"]
    """within: the interval lies inside the margin. below, above: it lies outside, on that side. undecided: it crosses it."""


@dataclass(frozen=True)
class PermutationFinding(Contract):
    """Two-sided permutation test over models: mean over forget examples of |AUC - 1/2|, labels permuted jointly."""

    statistic: float
    p_value: float
    labelings: int
    exhaustive: bool


@dataclass(frozen=True)
class Control(Contract):
    """A comparison whose answer is known beforehand. When it does not behave, the verdict is inconclusive."""

    name: Literal["oracle_against_oracle", "do_nothing"]
    behaved: bool
    permutation: PermutationFinding
    note: str


@dataclass(frozen=True)
class MetricFinding(Contract):
    """A metric of the unlearned model beside the original's and the oracles' values. Reported; judged only by estimands.

    Of a metric of groups, `unlearned` compares all unlearned models with oracles, `original` all originals, and `oracles`
    other oracles, once for each of several splits: the noise floor.
    """

    name: str
    examples: str
    unlearned: float
    original: float
    oracles: tuple[float, ...]
    note: str = ""
    low: float | None = None
    """90 % interval of `unlearned`, from resampled models and examples, where the metric has one."""
    high: float | None = None


@dataclass(frozen=True)
class SetFinding(Contract):
    """The permutation test on one set of examples, unlearned models against oracles."""

    examples: str
    permutation: PermutationFinding
    p_adjusted: float
    """By Holm (1979), over the sets tested."""


@dataclass(frozen=True)
class ExampleFindings(Contract):
    """The forget examples one by one, unlearned models against oracles by the margin. One entry per example, in order.

    `too_high` counts examples that are still better known than to the oracles (undershot), `too_low` those that are known
    less (overshot). By `fdr`, at most a share `level` of the examples counted is expected to be counted by chance; by
    `fwer`, the chance that any one is stays below `level`.
    """

    example_ids: tuple[str, ...] = field(metadata=formerly("record_ids"))
    auc: tuple[float, ...]
    """Probability that an unlearned model's margin is above an oracle's; 1/2 is as retrained, above it too high."""
    p_value: tuple[float, ...]
    """Two-sided, of the example alone: exact Mann-Whitney, or over drawn labelings."""
    p_fdr: tuple[float, ...]
    """Adjusted by Benjamini and Hochberg (1995)."""
    p_fwer: tuple[float, ...]
    """Adjusted by Westfall and Young's max-T (1993), which uses how the examples move together."""
    level: float
    too_high_fdr: int
    too_low_fdr: int
    too_high_fwer: int
    too_low_fwer: int


@dataclass(frozen=True)
class Evaluation(Contract):
    """Everything that was measured, and the verdict."""

    verdict: Verdict
    gap: float
    """Do-nothing gap on the forget set, in the margin's unit: mean original minus mean oracle."""
    estimands: tuple[EstimandFinding, ...]
    permutation: PermutationFinding
    controls: tuple[Control, ...]
    metrics: tuple[MetricFinding, ...]
    limits: tuple[str, ...]
    """What this evaluation does not show, in sentences."""
    sets: tuple[SetFinding, ...] = ()
    examples: ExampleFindings | None = None
