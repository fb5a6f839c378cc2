"""What a recipe can build: one contract per family of models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from unlearning_jobs.engine.contracts.contract import Contract
from unlearning_jobs.engine.errors import SpecError


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
class BertArchitecture(Contract):
    """A BERT-architecture encoder of text with a linear layer to the classes over it, trained from scratch, without dropout.

    How many classes, the snapshot says. Small corpora want a small one: one or two layers learn a few hundred short texts.

    Raises:
        SpecError: a number is not above 0, or the heads do not divide the hidden size.
    """

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    max_length: int = 128
    """Longest sequence in tokens; longer examples are an error, not cut."""

    def __post_init__(self) -> None:
        if min(self.hidden_size, self.layers, self.heads, self.intermediate_size, self.max_length) < 1:
            message = "The sizes of an encoder are whole numbers from 1."
            raise SpecError(message)
        if self.hidden_size % self.heads:
            message = f"hidden_size {self.hidden_size} must split into {self.heads} heads."
            raise SpecError(message)


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


Architecture = LlamaArchitecture | BertArchitecture | ClassifierArchitecture | LogisticArchitecture | SumsArchitecture
ARCHITECTURES: Final[Mapping[str, type[Architecture]]] = {
    "causal_lm": LlamaArchitecture,
    "text_classifier": BertArchitecture,
    "classifier": ClassifierArchitecture,
    "logistic": LogisticArchitecture,
    "summation": SumsArchitecture,
}
NETWORK_CLASSIFIERS: Final = ("classifier", "text_classifier")
"""Families of networks with one answer per example: they can be trained in shards, or privately."""
