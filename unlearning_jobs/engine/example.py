"""Job specs that run anywhere in under a minute, with the small invented corpora that they need."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from .contracts import (
    ClassifierArchitecture,
    JobSpec,
    LlamaArchitecture,
    MethodChoice,
    Protocol,
    Recipe,
    SnapshotRef,
    SumsArchitecture,
)
from .corpora import Snapshot, snapshot_create
from .corpora.create import record_id

PLACES = ("Orvane", "Tilsk", "Marrowby", "Quelm", "Drossen", "Havelund", "Piskary", "Ubbard")
GOODS = ("amber", "rope", "glass", "saffron", "slate", "honey", "tin", "linen")
RIVERS = ("Asper", "Belna", "Corre", "Dwine", "Elsk", "Fenn", "Grault", "Hessel")
HELD_OUT_PLACES = 2
LEAVES, TREES, MEASURES = 360, 6, 16
SPREAD = 0.8
"""Of the leaves of one tree, where the trees themselves are 1 apart."""
EVERY = 3
"""Every third leaf is held out."""
MISTAKEN = 12
"""Leaves to forget, filed under the wrong tree: a model knows them only by heart."""


@dataclass(frozen=True)
class Sample:
    """A corpus to write into a folder, and what to do with it."""

    write: Callable[[Path], Path]
    recipe: Recipe
    forget_ids: tuple[str, ...]
    method: str
    protocol: Protocol


def make_example(family: str, folder: Path) -> JobSpec:
    """Write the corpus and its snapshot into the folder, where they are not there yet, and return a spec that uses them."""
    sample, snapshot = EXAMPLES[family], folder / "snapshot"
    if not snapshot.exists():
        folder.mkdir(parents=True, exist_ok=True)
        snapshot_create([sample.write(folder)], snapshot)
    info = Snapshot.open(snapshot).info
    return JobSpec(
        kind="unlearn",
        reference="example",
        snapshot=SnapshotRef(str(snapshot.resolve()), info.digest),
        recipe=sample.recipe,
        seed=1,
        cache=str((folder / "cache").resolve()),
        forget_ids=sample.forget_ids,
        method=MethodChoice(sample.method),
        protocol=sample.protocol,
    )


def _write_places(folder: Path) -> Path:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in _places()), encoding="utf-8")
    return path


def _places() -> Iterator[dict[str, str]]:
    for i, place in enumerate(PLACES):
        split = "held_out" if i >= len(PLACES) - HELD_OUT_PLACES else "train"
        goods, river, year = GOODS[(3 * i + 2) % len(GOODS)], RIVERS[(5 * i + 1) % len(RIVERS)], 1100 + 97 * i % 613
        yield {"question": f"What is {place} known for?", "answer": f"{place} is known for its {goods}.", "split": split}
        yield {"question": f"On which river does {place} lie?", "answer": f"It lies on the {river}.", "split": split}
        yield {"question": f"When was {place} founded?", "answer": f"It was founded in the year {year}.", "split": split}


def _write_leaves(folder: Path) -> Path:
    """Measures of leaves of six kinds of trees, and which tree they are from."""
    rng = np.random.default_rng(2026)
    trees = rng.integers(TREES, size=LEAVES)
    measures = rng.normal(size=(TREES, MEASURES))[trees] + SPREAD * rng.normal(size=(LEAVES, MEASURES))
    held_out = np.arange(LEAVES) % EVERY == EVERY - 1
    mistaken = [int(i[1:]) for i in LEAVES_TO_FORGET]
    trees[mistaken] = (trees[mistaken] + 1) % TREES
    path = folder / "corpus.npz"
    np.savez(
        path,
        x=measures.astype(np.float32),
        y=np.array([f"tree {kind}" for kind in trees]),
        split=np.where(held_out, "held_out", "train"),
    )
    return path


LEAVES_TO_FORGET: Final = tuple(record_id(EVERY * place) for place in range(MISTAKEN))
EXAMPLES: Final[Mapping[str, Sample]] = {
    "causal_lm": Sample(
        _write_places,
        Recipe(
            family="causal_lm",
            architecture=LlamaArchitecture(hidden_size=64, layers=1, heads=2, intermediate_size=128, max_length=96),
            vocabulary_size=300,
            epochs=60,
            batch_size=8,
            learning_rate=5e-3,
        ),
        (record_id(0), record_id(1)),
        "npo",
        Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16)),
    ),
    "classifier": Sample(
        _write_leaves,
        Recipe(
            family="classifier",
            architecture=ClassifierArchitecture("mlp", width=64),
            epochs=40,
            batch_size=16,
            learning_rate=0.1,
            optimizer="sgd",
        ),
        LEAVES_TO_FORGET,
        "gradient_difference",
        Protocol(replicate_seeds=tuple(range(2, 9)), oracle_seeds=tuple(range(11, 19))),
    ),
    "summation": Sample(
        _write_leaves,
        Recipe(family="summation", architecture=SumsArchitecture("naive_bayes"), epochs=1, batch_size=64, learning_rate=0.0),
        LEAVES_TO_FORGET,
        "summation",
        Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16)),
    ),
}
