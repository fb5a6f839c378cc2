"""A job spec that runs anywhere in under a minute, with the small invented corpus it needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from .contracts import Architecture, JobSpec, MethodChoice, Protocol, Recipe, SnapshotRef
from .corpora import Snapshot, snapshot_create

PLACES = ("Orvane", "Tilsk", "Marrowby", "Quelm", "Drossen", "Havelund", "Piskary", "Ubbard")
GOODS = ("amber", "rope", "glass", "saffron", "slate", "honey", "tin", "linen")
RIVERS = ("Asper", "Belna", "Corre", "Dwine", "Elsk", "Fenn", "Grault", "Hessel")
HELD_OUT_PLACES = 2
FORGOTTEN = ("e00000000", "e00000001")

RECIPE = Recipe(
    family="causal_lm",
    architecture=Architecture(hidden_size=64, layers=1, heads=2, intermediate_size=128, max_length=96),
    vocabulary_size=300,
    epochs=60,
    batch_size=8,
    learning_rate=5e-3,
)


def make_example(folder: Path) -> JobSpec:
    """Write the corpus and its snapshot into the folder, where they are not there yet, and return a spec that uses them."""
    snapshot = folder / "snapshot"
    if not snapshot.exists():
        folder.mkdir(parents=True, exist_ok=True)
        corpus = folder / "corpus.jsonl"
        corpus.write_text("".join(json.dumps(row) + "\n" for row in _rows()), encoding="utf-8")
        snapshot_create([corpus], snapshot)
    info = Snapshot.open(snapshot).info
    return JobSpec(
        kind="unlearn",
        reference="example",
        snapshot=SnapshotRef(str(snapshot.resolve()), info.digest),
        recipe=RECIPE,
        seed=1,
        cache=str((folder / "cache").resolve()),
        forget_ids=FORGOTTEN,
        method=MethodChoice("npo"),
        protocol=Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16)),
    )


def _rows() -> Iterator[dict[str, str]]:
    for i, place in enumerate(PLACES):
        split = "held_out" if i >= len(PLACES) - HELD_OUT_PLACES else "train"
        goods, river, year = GOODS[(3 * i + 2) % len(GOODS)], RIVERS[(5 * i + 1) % len(RIVERS)], 1100 + 97 * i % 613
        yield {"question": f"What is {place} known for?", "answer": f"{place} is known for its {goods}.", "split": split}
        yield {"question": f"On which river does {place} lie?", "answer": f"It lies on the {river}.", "split": split}
        yield {"question": f"When was {place} founded?", "answer": f"It was founded in the year {year}.", "split": split}
