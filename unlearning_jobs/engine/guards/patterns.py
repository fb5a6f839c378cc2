"""What filters look for, as it is stored.

Near copies are stored as fingerprints, likeness as vectors and classifiers as weights: such a guard does not hold the texts
that it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from unlearning_jobs.engine.contracts.contract import EngineContract, chosen_by


@dataclass(frozen=True)
class Texts(EngineContract):
    """Texts that are looked for: letter by letter (`exact`), or word by word however they are written (`normalised`)."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Copies(EngineContract):
    """The fingerprints of passages, of which longer parts are looked for, also with some words changed."""

    prints: tuple[int, ...]


@dataclass(frozen=True)
class Person(EngineContract):
    """A person's name, in the forms in which texts write it, and other names of the same person or thing."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meanings(EngineContract):
    """Vectors of texts; sentences whose vector is as close as the threshold are found."""

    encoder: str
    """Digest of the encoder that made the vectors; no other can compare them."""
    dimensions: int
    vectors: str
    """32-bit floats, little-endian, in base64."""
    threshold: float


@dataclass(frozen=True)
class Weights(EngineContract):
    """A logistic classifier of hashed words and letters; sentences of at least the threshold's log-odds are found."""

    at: str
    """The places of the weights that are not zero: 16-bit numbers, little-endian, in base64."""
    weights: str
    """The weights there: 32-bit floats, little-endian, in base64."""
    bias: float
    threshold: float


Of = Texts | Copies | Person | Meanings | Weights
MATCHES: Final[Mapping[str, type]] = {
    "exact": Texts,
    "normalised": Texts,
    "near_copy": Copies,
    "name": Person,
    "similar": Meanings,
    "classifier": Weights,
}
"""What each way to match is made of."""


@dataclass(frozen=True)
class Pattern(EngineContract):
    """One thing to look for."""

    match: str
    of: Of = field(metadata=chosen_by("match", MATCHES))


@dataclass(frozen=True)
class FilterSettings(EngineContract):
    """What a filter is made of."""

    patterns: tuple[Pattern, ...]
    refusal: str = "[withheld]"
    """What stands in the place of what is kept back."""
