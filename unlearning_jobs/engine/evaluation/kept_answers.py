"""The answers that stay word for word, for a person to read side by side: of the shipped model, its original, an oracle.

A model may say what was personal in its training data, so their file stays with the job and goes into no bundle:
`compliance.formats.results.WITHHELD`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np

from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.corpora import Example

from .answers import Answer
from .outputs import ModelKey

MOST_KEPT: Final[Mapping[str, int]] = {"forget": 200, "retain": 20, "held_out": 20}
"""Examples whose answers are kept, by set."""


def kept_examples(sets: Mapping[str, Sequence[Example]], seed: int) -> dict[str, frozenset[str]]:
    """Return the ids of the examples whose answers are kept, by set, drawn with the protocol's seed."""
    rng = np.random.default_rng(seed)
    kept = {}
    for name, most in MOST_KEPT.items():
        ids = [example.id for example in sets.get(name, ())]
        kept[name] = frozenset(ids if len(ids) <= most else rng.choice(ids, most, replace=False).tolist())
    return kept


def kept_models(protocol: Protocol, seed: int) -> frozenset[ModelKey]:
    """Return the models whose answers are kept: the shipped one, its original, and its own oracle or else the first one."""
    oracles = (seed,) if protocol.paired else protocol.oracle_seeds[:1]
    own = (ModelKey("original", seed), ModelKey("unlearned", seed))
    return frozenset((*own, *(ModelKey("oracle", one) for one in oracles)))


@dataclass
class KeptAnswers:
    """The answers that stay, as the models give them."""

    models: Collection[ModelKey]
    examples: Mapping[str, Collection[str]]
    """By set."""
    rows: list[dict[str, object]] = field(default_factory=list)

    @classmethod
    def of(cls, protocol: Protocol, seed: int, sets: Mapping[str, Sequence[Example]]) -> Self:
        """Keep what the protocol's job on the production model with this seed keeps."""
        return cls(kept_models(protocol, seed), kept_examples(sets, protocol.sample_seed))

    def note(self, model: ModelKey, name: str, examples: Sequence[Example], answers: Sequence[Answer]) -> None:
        """Keep one model's answers on one set, as far as they stay."""
        if model not in self.models:
            return
        kept = self.examples.get(name, ())
        about: dict[str, object] = {"group": model.group, "seed": model.seed, "set": name}
        self.rows += [
            about | {"example_id": example.id, "given": answer.given, "answer": answer.text}
            for example, answer in zip(examples, answers, strict=True)
            if example.id in kept
        ]

    def write(self, path: Path) -> None:
        """Write as Parquet with the columns group, seed, set, example_id, given and answer; nothing if there are none."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.rows:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(self.rows), path)
