"""The contract of `spec.json`, as far as verification reads it; `recipe` is compared by its digest alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compliance.formats.assurances import Assurance
from compliance.formats.contracts import Contract
from compliance.formats.protocol import Protocol


@dataclass(frozen=True)
class MethodChoice(Contract):
    """A method with its hyper-parameters."""

    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class UnlearningStep(Contract):
    """An earlier unlearning of the same model."""

    method: MethodChoice
    forget_ids: tuple[str, ...]


@dataclass(frozen=True)
class Stored(Contract):
    """A corpus or a model: where it lay on the operator's disk, and its digest."""

    path: str
    digest: str


@dataclass(frozen=True)
class Specification(Contract):
    """What the engine was told. It has the fields of the engine's `JobSpec`."""

    kind: Literal["train", "unlearn", "import"]
    reference: str
    snapshot: Stored
    recipe: Mapping[str, Any]
    seed: int
    cache: str
    model: Stored
    forget_ids: tuple[str, ...]
    method: MethodChoice
    protocol: Protocol
    device: str = "auto"
    exclude_ids: tuple[str, ...] = ()
    earlier: tuple[UnlearningStep, ...] = ()
    erased_ids: tuple[str, ...] = ()
    base: str = ""
    artefact: Stored | None = None
    assurance: Assurance = "reproduced"
