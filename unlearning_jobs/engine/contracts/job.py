"""A job: its specification and its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from compliance.formats.assurances import Assurance
from compliance.formats.protocol import Protocol
from compliance.formats.specifications import specification_problem
from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Digested, EngineContract
from unlearning_jobs.engine.errors import SpecError

from .families import describe_family
from .recipe import Recipe


@dataclass(frozen=True)
class MethodChoice(EngineContract):
    """An unlearning method by name, with its hyperparameters."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UnlearningStep(EngineContract):
    """An earlier unlearning of the same model. It is repeated on replicates, and its examples are in no retain set."""

    method: MethodChoice
    forget_ids: tuple[str, ...]


@dataclass(frozen=True)
class SnapshotRef(EngineContract):
    """A reference to a snapshot of a corpus: its folder, and the digest that it must have."""

    path: str
    digest: str


@dataclass(frozen=True)
class ModelRef(EngineContract):
    """A reference to a model: its folder (safetensors, config, tokenizer), and the digest of the files in it."""

    path: str
    digest: str


@dataclass(frozen=True)
class JobSpec(Digested, EngineContract):
    """One job: train a model, import one, or unlearn examples from one and evaluate the result.

    It names example ids, never people.

    Raises:
        SpecError: the recipe's models start from a checkpoint and none is named, or the other way round; or a model is to be
            imported and none is named, or one of another kind than can be.
    """

    kind: Literal["train", "unlearn", "import"]
    reference: str
    """Opaque to the engine, which copies it into the result."""
    snapshot: SnapshotRef
    recipe: Recipe
    seed: int
    cache: str
    """Folder for trained models. Jobs share it; its keys are recipe digest, retain manifest digest and seed."""
    device: str = "auto"
    exclude_ids: tuple[str, ...] = ()
    """Examples that the model is never trained on."""
    model: ModelRef | None = None
    earlier: tuple[UnlearningStep, ...] = ()
    forget_ids: tuple[str, ...] = ()
    erased_ids: tuple[str, ...] = field(default=(), metadata=ADDED_LATER)
    """Examples that the model may know and that were erased elsewhere: in no retain set of this job, and known to no
    oracle."""
    method: MethodChoice | None = None
    protocol: Protocol | None = None
    base: str = field(default="", metadata=ADDED_LATER)
    """Folder of the checkpoint that models of the recipe start from, and whose digest the recipe has; empty if they start
    from random weights."""
    artefact: ModelRef | None = field(default=None, metadata=ADDED_LATER)
    """The model to import, as transformers wrote it; for imports alone."""
    assurance: Assurance = field(default="reproduced", metadata=ADDED_LATER)
    """How it is known what made the model that the job begins with, or imports."""

    def __post_init__(self) -> None:
        family = self.recipe.family
        problem = specification_problem(
            self.kind,
            family,
            starts_from_base=describe_family(family).starts_from_base,
            base=self.base,
            has_artefact=self.artefact is not None,
            assurance=self.assurance,
            in_shards=self.recipe.sharding is not None,
        )
        if problem:
            raise SpecError(problem)


@dataclass(frozen=True)
class Progress:
    """The progress of a job. `point` is (curve, step, value) for the live chart, or None."""

    stage: str
    done: int
    total: int
    point: tuple[str, float, float] | None = None


ProgressCallback = Callable[[Progress], None]
