"""The frozen dataclasses that cross the border between the platform and the engine.

Nothing here imports torch or Django, so web processes may. How they become JSON, and a digest, is in `json_contract`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from .errors import SpecError
from .json_contract import ADDED_LATER, Contract, Json
from .privacy import Certificate, Privacy
from .run_contracts import Efficiency, Trajectory
from .sharding import Sharding, slice_epochs

Guarantee = Literal["exact", "certified", "empirical", "suppression", "control"]
Outcome = Literal["passed", "failed", "inconclusive"]
Direction = Literal["undershot", "overshot"]
FEWEST_ORACLES = 4


@dataclass(frozen=True)
class LlamaArchitecture(Contract):
    """A Llama-architecture causal language model, trained from scratch."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_length: int = 256
    """Longest sequence in tokens; longer examples are an error, not cut."""


@dataclass(frozen=True)
class ClassifierArchitecture(Contract):
    """A network from features to classes, trained from scratch. How many features and classes, the snapshot says."""

    network: str
    """mlp, cnn, resnet9, resnet18; or an `nn.Module` by its import path, `package.module:Class`, called with the features'
    shape, the number of classes, and `options`."""
    width: int = 64
    """Hidden units of the mlp; channels after the first convolution of the others."""
    depth: int = 1
    """Hidden layers of the mlp."""
    normalisation: Literal["group", "batch"] = "group"
    """Of convolutions. Batch normalisation makes an example's answer depend on its neighbours in training: not for DP-SGD,
    and such networks are trained one by one."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of a network given by its import path."""


@dataclass(frozen=True)
class LogisticArchitecture(Contract):
    """L2-regularised logistic regressions on the features as they are, one per class against the rest.

    Each minimises sum of losses + (regularisation x n / 2) |w|^2 + b w, with b drawn from N(0, perturbation^2 I), to its
    only optimum (Guo et al. 2020, arXiv 1911.03030, section 3). The features are frozen: a fixed, public network made
    them. The recipe's epochs, batch size, learning rate and optimiser do nothing.

    Raises:
        SpecError: a number is out of range.
    """

    regularisation: float = 1e-2
    """Lambda, per example. What a removal uses of the budget grows at most with 1 / (lambda^2 n)."""
    perturbation: float = 1.0
    """Sigma: more of it pays for more removals and costs accuracy."""
    epsilon: float = 1.0
    """Of the promise that removals make, over the model's whole life. At most 1, where the tail bound of the Gaussian
    mechanism that it rests on is proved (Dwork and Roth 2014, theorem A.1)."""
    delta: float = 1e-4

    def __post_init__(self) -> None:
        if not (0 < self.regularisation < math.inf and 0 < self.perturbation < math.inf):
            message = "Certified removal needs a regularisation and a perturbation above 0."
            raise SpecError(message)
        if not (0 < self.epsilon <= 1 and 0 < self.delta < 1):
            message = "Certified removal needs an epsilon above 0 and up to 1, and a delta between 0 and 1."
            raise SpecError(message)


@dataclass(frozen=True)
class SumsArchitecture(Contract):
    """A model that is a function of sums over its training examples, so that examples can be subtracted again.

    It is learned in one pass: such a recipe has one epoch, and its optimiser, batch size and learning rate do nothing.

    Raises:
        SpecError: a number is out of range.
    """

    learner: Literal["naive_bayes", "ridge", "nearest_mean", "co_occurrence"]
    """naive_bayes: Gaussian. ridge: least squares on one-hot classes. nearest_mean: the statistics of k-means with the
    labels as the fixed assignment. co_occurrence: a recommender; features are a basket of items as 0 and 1, and the label
    is the item that was held back."""
    smoothing: float = 1.0
    """Of all but ridge: every class is learned as if it also held so many examples like the average of all."""
    variance_floor: float = 1e-6
    """Of naive_bayes and nearest_mean: added to every variance, in the features' unit squared. Bytes count as 0 to 1."""
    penalty: float = 1.0
    """Of ridge: weight of the squared coefficients against the summed squared errors; the intercept is free."""
    scale: float = 10.0
    """Of ridge: its scores, which aim at 0 and 1, times this are the logits."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.penalty) and self.penalty >= 0):
            message = "penalty must be a number from 0."
            raise SpecError(message)
        for name in ("smoothing", "variance_floor", "scale"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                message = f"{name} must be a number above 0."
                raise SpecError(message)


Architecture = LlamaArchitecture | ClassifierArchitecture | LogisticArchitecture | SumsArchitecture


@dataclass(frozen=True)
class Recipe(Contract):
    """Everything that makes a model from a snapshot.

    `train(recipe, snapshot, exclude, seed)` is the only way a model comes about.

    Raises:
        SpecError: the architecture is not one of the family, the sharding does not fit the family or the epochs, or a model
            like this cannot be trained privately.
    """

    family: Literal["causal_lm", "classifier", "logistic", "summation"]
    architecture: Architecture
    vocabulary_size: int = field(default=0, kw_only=True)
    """Of the byte-level BPE tokenizer, for families that read text. It is trained on the snapshot's examples that no model
    is trained on (held-out and probe sets), so that no training example leaves a trace in the vocabulary and originals and
    oracles share it. 256 means bytes alone, and is what a snapshot without such examples gets."""
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    optimizer: Literal["adamw", "sgd"] = field(default="adamw", metadata=ADDED_LATER)
    """sgd has a momentum of 0.9."""
    warmup_share: float = 0.05
    """Share of the steps with rising learning rate; then cosine to zero."""
    precision: Literal["float32", "bfloat16"] = "float32"
    code_version: str = "1"
    """Changes whenever the training code changes what it computes."""
    sharding: Sharding | None = field(default=None, metadata=ADDED_LATER)
    """Classifiers only: a network per shard, so that a deletion trains few of them again."""
    privacy: Privacy | None = field(default=None, metadata=ADDED_LATER)
    """Classifiers only, and not in shards: train with differential privacy."""

    def __post_init__(self) -> None:
        needed = ARCHITECTURES[self.family]
        if not isinstance(self.architecture, needed):
            message = f"A {self.family} recipe needs an architecture with {', '.join(f.name for f in fields(needed))}."
            raise SpecError(message)
        if self.sharding is not None:
            if self.family != "classifier":
                message = f"Only a classifier can be trained in shards, and this is a {self.family}; leave sharding out."
                raise SpecError(message)
            slice_epochs(self.epochs, self.sharding.slices)
        if self.privacy is not None and (self.family, self.precision, self.sharding) != ("classifier", "float32", None):
            message = (
                "Only classifiers in float32 and without shards can be trained privately; leave privacy out, or change it."
            )
            raise SpecError(message)


ARCHITECTURES: Final[Mapping[str, type[Architecture]]] = {
    "causal_lm": LlamaArchitecture,
    "classifier": ClassifierArchitecture,
    "logistic": LogisticArchitecture,
    "summation": SumsArchitecture,
}


@dataclass(frozen=True)
class MethodChoice(Contract):
    """An unlearning method by name, with its hyper-parameters."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UnlearningStep(Contract):
    """An earlier unlearning of the same model: replayed on replicates, and its examples stay out of every retain set."""

    method: MethodChoice
    forget_ids: tuple[str, ...]


@dataclass(frozen=True)
class SnapshotRef(Json):
    """An immutable state of a corpus: where it lies and what it must be."""

    path: str
    digest: str


@dataclass(frozen=True)
class ModelRef(Json):
    """A model directory (safetensors, config, tokenizer) and the digest over its files."""

    path: str
    digest: str


@dataclass(frozen=True)
class Estimand(Contract):
    """One quantity that the verdict judges, with the margin that was fixed before the run.

    `location`: mean over the set's examples of the statistic, unlearned models against oracles, two-sided.
    `deviation`: mean over the set's examples of the absolute distance to the oracles' mean, in excess of the oracles' own
    leave-one-out distance, one-sided. It catches a set that is right on average and wrong example by example.

    `unit` "gap" measures in units of the do-nothing gap (original minus oracle on the forget set): 0 is as retrained,
    1 is as if nothing had been done, below 0 is overshot. "absolute" measures in the statistic's own unit.
    """

    name: str
    examples: Literal["forget", "retain", "held_out"]
    statistic: Literal["margin", "log_likelihood", "probability"]
    kind: Literal["location", "deviation"]
    unit: Literal["gap", "absolute"]
    margin: float


DEFAULT_ESTIMANDS: tuple[Estimand, ...] = (
    Estimand("forget_location", "forget", "margin", "location", "gap", 0.25),
    Estimand("forget_deviation", "forget", "margin", "deviation", "gap", 0.35),
    Estimand("retain_location", "retain", "probability", "location", "absolute", 0.1),
    Estimand("held_out_location", "held_out", "margin", "location", "gap", 0.25),
)


@dataclass(frozen=True)
class Protocol(Contract):
    """The evaluation, fixed before the run and digested at approval. The verdict follows from it alone.

    The unit of replication is the model. Replicates of the original are trained with `replicate_seeds` beside the
    production model's own seed, and unlearned like it; oracles with `oracle_seeds`. Models that a method was tuned on
    have `tuning_seeds`, and take no part: hyper-parameters chosen on the models of an audit fit their chance differences,
    and the audit would come out better than the method is.
    """

    replicate_seeds: tuple[int, ...]
    oracle_seeds: tuple[int, ...]
    estimands: tuple[Estimand, ...] = DEFAULT_ESTIMANDS
    alpha: float = 0.05
    metrics: tuple[str, ...] | None = None
    """By name; one that needs more models than the protocol has is refused beforehand. None: all for which there are
    enough models, and that the data allow."""
    max_retain_examples: int = 200
    max_held_out_examples: int = 200
    sample_seed: int = 2026
    tuning_seeds: tuple[int, ...] = field(default=(), metadata=ADDED_LATER)
    """Of the models that the method's hyper-parameters were chosen on."""

    def models_per_side(self) -> int:
        """Unlearned models or oracles, whichever are fewer."""
        return min(len(self.replicate_seeds) + 1, len(self.oracle_seeds))

    def smallest_p(self) -> float:
        """Smallest two-sided p that a permutation of the model labels can give: 2 / C(m + n, m)."""
        unlearned = len(self.replicate_seeds) + 1
        return 2 / math.comb(unlearned + len(self.oracle_seeds), unlearned)

    def problems(self) -> list[str]:
        """Why this protocol cannot be used, in sentences; empty when it can."""
        found = []
        if set(self.replicate_seeds) & set(self.oracle_seeds):
            found.append("Replicates and oracles share seeds; use different ones.")
        if set(self.tuning_seeds) & {*self.replicate_seeds, *self.oracle_seeds}:
            found.append("Models of the audit have seeds that the method was tuned on; use seeds that tuning has not seen.")
        if any(len(set(seeds)) != len(seeds) for seeds in (self.replicate_seeds, self.oracle_seeds, self.tuning_seeds)):
            found.append("A seed is repeated.")
        if not self.replicate_seeds or len(self.oracle_seeds) < FEWEST_ORACLES:
            found.append("At least one replicate and four oracles are needed: the unit of replication is the model.")
        elif self.smallest_p() > self.alpha:
            found.append(f"With so few models no permutation can reach p = {self.alpha}; add replicates or oracles.")
        if not self.estimands:
            found.append("There is nothing to judge: name at least one estimand.")
        return found


@dataclass(frozen=True)
class JobSpec(Contract):
    """One job: train a model, or unlearn examples from one and evaluate the result. Holds record ids, never people."""

    kind: Literal["train", "unlearn"]
    reference: str
    """Opaque to the engine; copied into the result."""
    snapshot: SnapshotRef
    recipe: Recipe
    seed: int
    cache: str
    """Folder for trained models, shared between jobs and keyed by recipe digest, retain manifest digest and seed."""
    device: str = "auto"
    exclude_ids: tuple[str, ...] = ()
    """Examples never trained on (for `train`)."""
    model: ModelRef | None = None
    earlier: tuple[UnlearningStep, ...] = ()
    forget_ids: tuple[str, ...] = ()
    method: MethodChoice | None = None
    protocol: Protocol | None = None


@dataclass(frozen=True)
class Progress:
    """How far a job is. `point`, when there is one, is (curve, step, value), for the live chart."""

    stage: str
    done: int
    total: int
    point: tuple[str, float, float] | None = None


ProgressCallback = Callable[[Progress], None]


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
class Reason(Contract):
    """Why the verdict is what it is: a code for translation, and an English sentence."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Verdict(Contract):
    """From the protocol alone."""

    outcome: Outcome
    direction: Direction | None
    reasons: tuple[Reason, ...]


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

    record_ids: tuple[str, ...]
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
class Curve(Contract):
    """Points for a chart: `name` is loss, forget or retain; x is the step, y the value."""

    name: str
    points: tuple[tuple[float, float], ...]


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


@dataclass(frozen=True)
class JobResult(Contract):
    """What a finished job leaves in `result.json`."""

    kind: Literal["train", "unlearn"]
    reference: str
    spec_digest: str
    model_digest: str
    files: Mapping[str, str]
    """SHA-256 of every other file in the output folder, by relative path."""
    train_examples: int
    parameters: int
    curves: tuple[Curve, ...]
    seconds: Mapping[str, float]
    """Wall time per stage."""
    environment: Mapping[str, str]
    """Versions, device, threads."""
    retain_digest: str
    """Digest of the manifest lines of the examples that the result may still know."""
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    """For `train`: exact memorisation of the training examples and the like."""
    evaluation: Evaluation | None = None
    trajectory: Trajectory | None = None
    """Of methods that go step by step."""
    efficiency: Efficiency | None = None
    certificate: Certificate | None = None
    """Of a certified method, for the production model."""
