"""A job: what it is asked to do, how far it is, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unlearning_jobs.engine.contracts.contract import Contract, Digested

from .course import Efficiency, Trajectory
from .findings import Evaluation
from .privacy import Certificate
from .protocol import Protocol
from .recipe import Recipe


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
class SnapshotRef(Contract):
    """An immutable state of a corpus: where it lies and what it must be."""

    path: str
    digest: str


@dataclass(frozen=True)
class ModelRef(Contract):
    """A model directory (safetensors, config, tokenizer) and the digest over its files."""

    path: str
    digest: str


@dataclass(frozen=True)
class JobSpec(Digested, Contract):
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
class Curve(Contract):
    """Points for a chart: `name` is loss, forget or retain; x is the step, y the value."""

    name: str
    points: tuple[tuple[float, float], ...]


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
