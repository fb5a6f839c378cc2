"""The recipe: everything that makes a model from a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Digested, EngineContract, chosen_by
from unlearning_jobs.engine.errors import SpecError

from .architectures import Architecture
from .families import ArchitecturesByFamily, FamilyDescription, describe_family, families_that
from .privacy import Privacy
from .sharding import Sharding, slice_epochs


@dataclass(frozen=True)
class Recipe(Digested, EngineContract):
    """Everything that makes a model from a snapshot.

    Every model comes from `train(recipe, snapshot, exclude, seed)`.

    Raises:
        SpecError: there is no such family, the architecture is not that of the family, the sharding does not fit the family
            or the epochs, or such a model cannot be trained privately.
    """

    family: str
    """See `contracts.families`."""
    architecture: Architecture = field(metadata=chosen_by("family", ArchitecturesByFamily()))
    vocabulary_size: int = field(default=0, kw_only=True)
    """Size of the byte-level BPE tokenizer's vocabulary, for families that read text. The tokenizer is trained only on
    examples of the snapshot that no model is trained on (held-out and probe sets), so that no training example leaves a
    trace in the vocabulary, and originals and oracles share it. A snapshot without such examples gets 256: single bytes."""
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    optimizer: Literal["adamw", "sgd"] = field(default="adamw", metadata=ADDED_LATER)
    """sgd has a momentum of 0.9."""
    warmup_share: float = 0.05
    """Share of the steps in which the learning rate rises; then it falls to zero along the schedule."""
    schedule: Literal["cosine", "linear"] = field(default="cosine", metadata=ADDED_LATER)
    """How the learning rate of a training falls; linear is what transformers' Trainer does unless it is told otherwise."""
    beta2: float = field(default=0.99, metadata=ADDED_LATER)
    """Decay of AdamW's mean square of gradients; 0.999 is what transformers' Trainer takes."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: forward passes of training and unlearning run under autocast; the weights stay float32."""
    micro_batch: int = field(default=0, metadata=ADDED_LATER)
    """Examples that pass forwards and backwards at once, for models that learn by gradient steps; 0 for whole batches. Fewer
    need less memory, and the gradients of a batch add up to those of the whole, up to rounding. When memory runs out, a step
    is tried again with half as many."""
    checkpointing: bool = field(default=False, metadata=ADDED_LATER)
    """For language models: layers keep only what enters them and compute the rest again in the backward pass. That takes a
    third more time, and a small part of the memory."""
    code_version: str = "1"
    """Changes whenever the training code changes what it computes."""
    sharding: Sharding | None = field(default=None, metadata=ADDED_LATER)
    """For models that learn by gradient steps: in shards and slices, so that a deletion trains little again. Networks that
    answer with a text have one shard, unless adapters learn."""
    privacy: Privacy | None = field(default=None, metadata=ADDED_LATER)
    """For classifiers of arrays or text that start from random weights, not in shards: train with differential privacy."""

    def __post_init__(self) -> None:
        family = describe_family(self.family)
        if not 0 < self.beta2 < 1:
            message = f"recipe.beta2 is {self.beta2:g}; it must lie between 0 and 1."
            raise SpecError(message)
        _check_micro_batch(self, family)
        _check_checkpointing(self, family)
        if not isinstance(self.architecture, family.architecture):
            names = ", ".join(f.name for f in fields(family.architecture))
            message = f"A {self.family} recipe needs an architecture with {names}."
            raise SpecError(message)
        if self.sharding is not None:
            _check_sharding(self.sharding, family, self.architecture)
            slice_epochs(self.epochs, self.sharding.slices)
        if self.privacy is not None and (
            not family.trains_privately or self.precision != "float32" or self.sharding is not None
        ):
            message = (
                f"Only a {_private_families()} in float32 and without shards can be trained privately;"
                " leave privacy out, or change the recipe."
            )
            raise SpecError(message)

    @property
    def at_once(self) -> int:
        """The examples that pass forwards and backwards at once, unless memory runs out."""
        return min(self.micro_batch or self.batch_size, self.batch_size)

    @property
    def can_be_paired(self) -> bool:
        """Whether a model can take the batches of another one, thinned out.

        Models in shards train slice by slice, private ones draw noise that nobody may know, closed forms have no batches.
        """
        return describe_family(self.family).learns_by_gradient and self.sharding is None and self.privacy is None


def _check_micro_batch(recipe: Recipe, family: FamilyDescription) -> None:
    if recipe.micro_batch < 0:
        message = f"recipe.micro_batch is {recipe.micro_batch}; it must be at least 1, or 0 for whole batches."
        raise SpecError(message)
    if recipe.micro_batch and (not family.learns_by_gradient or recipe.privacy is not None):
        message = (
            "Only batches of plain gradient steps can be divided: not those of private training, nor of models that take no"
            " steps; leave micro_batch out."
        )
        raise SpecError(message)


def _check_checkpointing(recipe: Recipe, family: FamilyDescription) -> None:
    if recipe.checkpointing and family.answers != "text":
        message = "Only the layers of language models are computed again; leave checkpointing out."
        raise SpecError(message)


def _check_sharding(sharding: Sharding, family: FamilyDescription, architecture: Architecture) -> None:
    if not family.learns_by_gradient:
        named = " or a ".join(families_that(lambda other: other.learns_by_gradient))
        message = f"Only a {named} can be trained in shards and slices, and this is a {family.name}; leave sharding out."
        raise SpecError(message)
    if sharding.aggregation not in family.aggregations:
        message = (
            "Language models cannot vote: a vote says nothing of the tokens that nobody voted for; set"
            f" sharding.aggregation to {' or '.join(family.aggregations)}."
        )
        raise SpecError(message)
    if family.answers == "text" and sharding.shards > 1 and not architecture.adapts:
        message = (
            f"Each of {sharding.shards} shards would be a whole language model; set sharding.shards to 1 and use slices, or"
            " let an adapter on a checkpoint learn, which shards can share."
        )
        raise SpecError(message)


def _private_families() -> str:
    return " or a ".join(families_that(lambda family: family.trains_privately))
