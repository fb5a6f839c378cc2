"""The findings of an evaluation, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from .contracts import ADDED_LATER, Contract, formerly
from .protocol import Estimand
from .twins import TwinFinding
from .verdicts import Verdict

Scope = Literal["method", "shipped"]
"""method: the unlearned models and the oracles, as samples of what the method gives. shipped: the one model that would be
released."""
ControlName = Literal["oracle_against_oracle", "do_nothing", "pairs_against_independent", "declared_against_replicates"]
Position = Literal["within", "below", "above", "undecided"]
"""within: the interval lies inside the margin. below, above: it lies outside, on that side. undecided: neither."""
MOST_SPREAD: Final = 2.0
"""How many times as far from its replicates, example by example, a declared model may lie as they do from each other."""


@dataclass(frozen=True)
class EstimandFinding(Contract):
    """An estimand's estimate with its confidence interval, one-sided level alpha per look at each end, and its position.

    About the method, the interval is Student's t over models or pairs. About the shipped model, it has the uncertainty of
    the oracles alone, and none if the model has an oracle of its own. A share of examples has a bound at each end: the
    examples that count for certain, and those that cannot be told apart from them.
    """

    estimand: Estimand
    estimate: float
    low: float
    high: float
    position: Position
    scope: Scope = field(default="method", metadata=ADDED_LATER)
    margin_used: float | None = field(default=None, metadata=ADDED_LATER)
    """The estimand's margin, or the spread of single oracles if that is wider; None for the estimand's own."""
    judged: int | None = field(default=None, metadata=ADDED_LATER)
    """For a share of examples: the number of examples that could be judged one by one."""


@dataclass(frozen=True)
class PermutationFinding(Contract):
    """The two-sided permutation test over models. Labels are permuted for all examples at once."""

    statistic: float
    """Mean of |AUC - 1/2| over the examples."""
    p_value: float
    labelings: int
    """Number of labellings of the models that were tried."""
    exhaustive: bool
    """True if those are all possible labellings; False if they were drawn."""


@dataclass(frozen=True)
class Control(Contract):
    """A comparison whose outcome is known in advance. If it does not behave, the verdict is inconclusive."""

    name: ControlName
    behaved: bool
    permutation: PermutationFinding
    note: str


@dataclass(frozen=True)
class MetricFinding(Contract):
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
class SetFinding(Contract):
    """The permutation test of unlearned models against oracles on one set of examples."""

    examples: str
    permutation: PermutationFinding
    p_adjusted: float
    """Adjusted by Holm (1979) for the number of sets tested."""


@dataclass(frozen=True)
class ExampleFindings(Contract):
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
class ProcessCheck(Contract):
    """A fact about how the result was made, established by the engine itself rather than by measuring the result."""

    name: Literal["forget_set_absent", "executed_again", "certificate"]
    held: bool | None
    """None if it could not be checked; the sentence says why."""
    sentence: str


@dataclass(frozen=True)
class InfluenceFinding(Contract):
    """How much the forget set moves a model at all: originals against oracles, without any unlearning."""

    probability_low: float
    """Bounds of the difference in the forget set's mean probability."""
    probability_high: float
    memorised: int
    """Forget examples that the originals know better than the oracles do, beyond the spread of models. That chance alone
    makes any of them count has at most the probability of the protocol's level, whatever their number."""
    limit: float
    """The protocol's limit for the mean probability."""
    measurable: bool | None
    """False if both bounds lie within the limit and no example is memorised; None if that is undecided."""


@dataclass(frozen=True)
class Precision(Contract):
    """How precisely this model and forget set can be judged; later jobs choose their design by it."""

    spread: float
    """Standard deviation of one oracle's mean margin on the forget set, in units of the gap."""
    saved_by_pairs: float | None
    """Variance of independent differences over that of the paired ones; above 1, pairs save models. None without pairs."""


@dataclass(frozen=True)
class Duplicate(Contract):
    """A retained example that says the same, or nearly the same, as one that was to be forgotten."""

    forget_id: str
    retain_id: str
    likeness: float
    """From 0 to 1, which is equality."""


@dataclass(frozen=True)
class Veto(Contract):
    """An estimand by which the shipped model cannot be one that was trained without the forget set."""

    estimand: str
    """Its name."""
    side: Literal["above", "below"]


@dataclass(frozen=True)
class Evaluation(Contract):
    """All findings, and the verdict."""

    verdict: Verdict
    gap: float | None
    """Do-nothing gap on the forget set, in the margin's unit: mean of the originals minus mean of the oracles. None if a
    model's answers are no numbers."""
    estimands: tuple[EstimandFinding, ...]
    permutation: PermutationFinding | None
    """None if a model's answers are no numbers."""
    controls: tuple[Control, ...]
    metrics: tuple[MetricFinding, ...]
    limits: tuple[str, ...]
    """What this evaluation does not show, in sentences."""
    sets: tuple[SetFinding, ...] = ()
    examples: ExampleFindings | None = None
    look: int = field(default=1, metadata=ADDED_LATER)
    """The look that this evaluation is; the protocol says how many there can be."""
    process: tuple[ProcessCheck, ...] = field(default=(), metadata=ADDED_LATER)
    influence: InfluenceFinding | None = field(default=None, metadata=ADDED_LATER)
    precision: Precision | None = field(default=None, metadata=ADDED_LATER)
    duplicates: tuple[Duplicate, ...] = field(default=(), metadata=ADDED_LATER)
    """Retained examples that repeat what was to be forgotten. The model may still know it from them."""
    vetoes: tuple[Veto, ...] = field(default=(), metadata=ADDED_LATER)
    """Only those of exact and certified results have a say."""
    twins: TwinFinding | None = field(default=None, metadata=ADDED_LATER)
    """Of a model of which nobody declared how it was trained, and instead of whatever needs oracles."""
