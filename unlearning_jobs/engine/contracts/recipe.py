"""The recipe: everything that makes a model from a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Contract, Digested, chosen_by
from unlearning_jobs.engine.errors import SpecError

from .architectures import ARCHITECTURES, NETWORK_CLASSIFIERS, Architecture
from .privacy import Privacy
from .sharding import Sharding, slice_epochs


@dataclass(frozen=True)
class Recipe(Digested, Contract):
    """Everything that makes a model from a snapshot.

    `train(recipe, snapshot, exclude, seed)` is the only way a model comes about.

    Raises:
        SpecError: the architecture is not one of the family, the sharding does not fit the family or the epochs, or a model
            like this cannot be trained privately.
    """

    family: Literal["causal_lm", "text_classifier", "classifier", "logistic", "summation"]
    architecture: Architecture = field(metadata=chosen_by("family", ARCHITECTURES))
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
    """Classifiers of arrays or text only: a network per shard, so that a deletion trains few of them again."""
    privacy: Privacy | None = field(default=None, metadata=ADDED_LATER)
    """The same, and not in shards: train with differential privacy."""

    def __post_init__(self) -> None:
        needed = ARCHITECTURES[self.family]
        if not isinstance(self.architecture, needed):
            message = f"A {self.family} recipe needs an architecture with {', '.join(f.name for f in fields(needed))}."
            raise SpecError(message)
        if self.sharding is not None:
            if self.family not in NETWORK_CLASSIFIERS:
                known = " or a ".join(NETWORK_CLASSIFIERS)
                message = f"Only a {known} can be trained in shards, and this is a {self.family}; leave sharding out."
                raise SpecError(message)
            slice_epochs(self.epochs, self.sharding.slices)
        if self.privacy is not None and (
            self.family not in NETWORK_CLASSIFIERS or self.precision != "float32" or self.sharding is not None
        ):
            message = (
                f"Only a {' or a '.join(NETWORK_CLASSIFIERS)} in float32 and without shards can be trained privately;"
                " leave privacy out, or change the recipe."
            )
            raise SpecError(message)
