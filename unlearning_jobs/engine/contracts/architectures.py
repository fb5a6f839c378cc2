"""The architectures that a recipe can name: one contract per family of models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from compliance.formats.certificates import MOST_DELTA
from unlearning_jobs.engine.contracts.contract import ADDED_LATER, EngineContract
from unlearning_jobs.engine.errors import SpecError

HIDDEN_LAYERS: Final = {"cnn": 2, "resnet9": 6, "resnet18": 9}
"""Layers with kernels, or whole residual blocks, before the last layer of each network for images."""


@dataclass(frozen=True)
class Architecture(EngineContract):
    """The shape of a model. Every family has a subclass; `contracts.families` says which."""

    @property
    def hidden_layers(self) -> int:
        """The number of hidden layers whose states the family can read; 0 if it knows none."""
        return 0

    @property
    def adapts(self) -> bool:
        """Whether adapters learn, and all else is frozen and can be shared."""
        return False


@dataclass(frozen=True)
class LlamaArchitecture(Architecture):
    """A Llama-architecture causal language model, trained from scratch."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_length: int = 256
    """Longest sequence in tokens. A longer example is an error; it is not cut."""

    @property
    def hidden_layers(self) -> int:
        return self.layers


@dataclass(frozen=True)
class Adapter(EngineContract):
    """Low-rank adapters on a checkpoint, whose own weights never change (LoRA, Hu et al. 2021, arXiv 2106.09685).

    A layer with the weights W answers with W x + (alpha / rank) B A x. A has `rank` rows, which the seed decides, and B as
    many columns, which start at zero. They alone learn, and without dropout, so that the seed alone decides how.

    Raises:
        SpecError: a number is out of range, or a target is empty or named twice.
    """

    rank: int
    alpha: float
    targets: tuple[str, ...] = ()
    """The linear layers that have adapters, by the last parts of their names: q_proj, or self_attn.q_proj. Empty for all of
    them but the one that gives the answers."""
    parameters: int = 0
    """How many numbers learn. It is there for forecasts, and is compared with the checkpoint; `describe` works it out."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", float(self.alpha))  # 16 and 16.0 are one recipe, and so have one digest
        if self.rank < 1 or self.parameters < 0 or not (math.isfinite(self.alpha) and self.alpha > 0):
            message = "An adapter needs a rank of at least 1, and an alpha above 0."
            raise SpecError(message)
        if not all(self.targets) or len(set(self.targets)) != len(self.targets):
            message = "Every target of an adapter must be the name of layers, and be there once."
            raise SpecError(message)


CHAT = "chat"
"""The template of a checkpoint whose tokenizer brings one for conversations."""


@dataclass(frozen=True)
class FromCheckpoint(Architecture):
    """What a recipe says of a model that starts from a checkpoint, whatever it answers; each kind of model has a subclass.

    `python -m unlearning_jobs.engine describe FOLDER` writes it. What it says of the checkpoint's size is there for
    forecasts, and is compared with the checkpoint.

    Raises:
        SpecError: a number is less than 1.
    """

    base_sha256: str
    """Digest of the files that it is read from (`artefacts.checkpoint_digest`)."""
    parameters: int
    """How many numbers the model has; of a classifier, without those of its last layer, which the classes decide."""
    hidden_size: int
    layers: int
    vocabulary_size: int
    max_length: int = 256
    """Longest sequence in tokens. A longer example is an error; it is not cut."""

    def __post_init__(self) -> None:
        if min(self.parameters, self.hidden_size, self.layers, self.vocabulary_size, self.max_length) < 1:
            message = "Every size of a checkpoint must be at least 1."
            raise SpecError(message)

    @property
    def hidden_layers(self) -> int:
        return self.layers


@dataclass(frozen=True)
class CheckpointArchitecture(FromCheckpoint):
    """A causal language model that starts from a checkpoint: whatever `AutoModelForCausalLM` reads, with its own tokenizer.

    Raises:
        SpecError: a number is less than 1, or the template has no place for the prompt.
    """

    template: str = "{prompt}\n"
    """What stands before an answer; `chat` for the tokenizer's own template. Examples without a prompt are plain texts."""
    begins: bool = field(default=True, metadata=ADDED_LATER)
    """Whether the tokenizer's token that begins texts, if it has one, stands before plain texts and templates with a prompt.
    `describe` says what the tokenizer does by itself. A template for conversations says so itself."""
    adapter: Adapter | None = field(default=None, metadata=ADDED_LATER)
    """Adapters that learn instead of the checkpoint's own weights; None if all of these learn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.template != CHAT and self.template.count("{prompt}") != 1:
            message = f"The template must hold {{prompt}} once, or be {CHAT!r}."
            raise SpecError(message)

    @property
    def adapts(self) -> bool:
        return self.adapter is not None


@dataclass(frozen=True)
class EncoderArchitecture(FromCheckpoint):
    """A classifier of texts that starts from the checkpoint of an encoder, with its own tokenizer.

    `AutoModelForSequenceClassification` reads it. The snapshot says the classes; all weights learn.
    """


@dataclass(frozen=True)
class BertArchitecture(Architecture):
    """A BERT-architecture encoder of text with a linear layer to the classes on top, trained from scratch without dropout.

    The snapshot says how many classes there are. A small corpus needs a small encoder: one or two layers learn a few
    hundred short texts.

    Raises:
        SpecError: a number is less than 1, or the hidden size is no multiple of the number of heads.
    """

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_length: int = 128
    """Longest sequence in tokens. A longer example is an error; it is not cut."""

    @property
    def hidden_layers(self) -> int:
        return self.layers

    def __post_init__(self) -> None:
        if min(self.hidden_size, self.layers, self.heads, self.intermediate_size, self.max_length) < 1:
            message = "Every size of an encoder must be at least 1."
            raise SpecError(message)
        if self.hidden_size % self.heads:
            message = f"hidden_size {self.hidden_size} must be a multiple of heads, {self.heads}."
            raise SpecError(message)


@dataclass(frozen=True)
class ClassifierArchitecture(Architecture):
    """A network from features to classes, trained from scratch. The snapshot says how many of each there are."""

    network: str
    """mlp, cnn, resnet9 or resnet18; or the import path of an `nn.Module`, `package.module:Class`, which is called with the
    features' shape, the number of classes, and `options`."""
    width: int = 64
    """Hidden units of an mlp; channels after the first convolution of the other networks."""
    depth: int = 1
    """Hidden layers of an mlp."""
    normalisation: Literal["group", "batch"] = "group"
    """Normalisation after convolutions. With batch, an example's answer in training depends on the others of its batch, so
    such networks cannot be trained privately, and are trained one by one."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments for a network given by its import path."""

    @property
    def is_imported(self) -> bool:
        """Whether the network is given by its import path."""
        return ":" in self.network

    @property
    def hidden_layers(self) -> int:
        return {"mlp": self.depth, **HIDDEN_LAYERS}.get(self.network, 0)


@dataclass(frozen=True)
class LogisticArchitecture(Architecture):
    """L2-regularised logistic regressions on the features as they are, one per class against the rest.

    Each minimises sum of losses + (regularisation x n / 2) |w|^2 + b w, with b drawn from N(0, perturbation^2 I), to its
    unique optimum (Guo et al. 2020, arXiv 1911.03030, section 3). The features are frozen: they come from a fixed, public
    network. The recipe's epochs, batch size, learning rate and optimiser have no effect.

    Raises:
        SpecError: a number is out of range.
    """

    regularisation: float = 1e-2
    """Lambda, per example. The share of the budget that a removal uses grows at most with 1 / (lambda^2 n)."""
    perturbation: float = 1.0
    """Sigma: a larger one allows more removals and costs accuracy."""
    epsilon: float = 1.0
    """Epsilon of the guarantee for all removals over the model's whole life. At most 1, since the tail bound of the Gaussian
    mechanism behind it is proved up to there (Dwork and Roth 2014, theorem A.1)."""
    delta: float = 1e-4

    def __post_init__(self) -> None:
        if not (0 < self.regularisation < math.inf and 0 < self.perturbation < math.inf):
            message = "Certified removal needs a regularisation and a perturbation above 0; set both."
            raise SpecError(message)
        if not (0 < self.epsilon <= 1 and 0 < self.delta <= MOST_DELTA):
            message = f"Certified removal needs an epsilon above 0, up to 1, and a delta above 0, up to {MOST_DELTA:g}."
            raise SpecError(message)


@dataclass(frozen=True)
class SumsArchitecture(Architecture):
    """A model that is a function of sums over its training examples, so that examples can be subtracted again.

    It is learned in one pass: such a recipe has one epoch, and its optimiser, batch size and learning rate have no effect.

    Raises:
        SpecError: a number is out of range.
    """

    learner: Literal["naive_bayes", "ridge", "nearest_mean", "co_occurrence"]
    """naive_bayes: Gaussian. ridge: least squares on one-hot classes. nearest_mean: the statistics of k-means, with the
    labels as the fixed assignment. co_occurrence: a recommender, whose features are a basket of items as 0 and 1, and whose
    label is the item that was left out of it."""
    smoothing: float = 1.0
    """For all but ridge: every class is learned as if it also held this many examples like the average of all examples."""
    variance_floor: float = 1e-6
    """For naive_bayes and nearest_mean: added to every variance, in the features' unit squared. Bytes count as 0 to 1."""
    penalty: float = 1.0
    """For ridge: weight of the squared coefficients against the sum of squared errors. The intercept is not penalised."""
    scale: float = 10.0
    """For ridge: its scores, which aim at 0 and 1, are multiplied by this to give the logits."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.penalty) and self.penalty >= 0):
            message = "penalty must be 0 or more."
            raise SpecError(message)
        for name in ("smoothing", "variance_floor", "scale"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                message = f"{name} must be a number above 0."
                raise SpecError(message)
