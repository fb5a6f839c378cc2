"""A job: its specification, its progress and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unlearning_jobs.engine.contracts.contract import ADDED_LATER, Digested, EngineContract

from .efficiency import Efficiency
from .findings import Evaluation
from .privacy import Certificate
from .protocol import Protocol
from .recipe import Recipe
from .trajectory import Trajectory


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
    """One job: train a model, or unlearn examples from one and evaluate the result. It names example ids, never people."""

    kind: Literal["train", "unlearn"]
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


@dataclass(frozen=True)
class Progress:
    """The progress of a job. `point` is (curve, step, value) for the live chart, or None."""

    stage: str
    done: int
    total: int
    point: tuple[str, float, float] | None = None


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True)
class Curve(EngineContract):
    """Points (step, value) of a chart. `name` is loss, forget or retain."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class JobResult(EngineContract):
    """The result of a finished job, as written to `result.json`."""

    kind: Literal["train", "unlearn"]
    reference: str
    spec_digest: str
    model_digest: str
    files: Mapping[str, str]
    """SHA-256 of every file in the `model` and `outputs` folders, by path relative to the output folder."""
    train_examples: int
    parameters: int
    curves: tuple[Curve, ...]
    seconds: Mapping[str, float]
    """Wall time by stage."""
    environment: Mapping[str, str]
    """Versions, device, threads."""
    retain_digest: str
    """Digest of the manifest lines of the examples that the resulting model may still know."""
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    """For `train`: means over the training examples, such as exact memorisation."""
    evaluation: Evaluation | None = None
    trajectory: Trajectory | None = None
    """None unless the method works step by step."""
    efficiency: Efficiency | None = None
    certificate: Certificate | None = None
    """For the production model; None unless the method is certified."""
