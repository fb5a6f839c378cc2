"""What somebody else has: a checkpoint, and a model fine-tuned from it. `python -m demo.elsewhere FOLDER` makes both.

It runs in a process of its own, as far away as one machine allows: the site sees three folders and a declared recipe.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.engine.sample_checkpoint import write_checkpoint
from unlearning_jobs.engine.training.device import choose_device
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

from .site import CLERK

SEED: Final = 3
PLACES: Final = ("Sandby", "Ravnsholm", "Klintested", "Torup", "Lysnes", "Mosede", "Havrebjerg", "Ellinge")
WORK: Final = ("lamp", "fog horn", "tide book", "boat", "rope store", "weather log")


def rows() -> list[dict[str, str]]:
    """Return who keeps what where, in questions and answers; two of them name the keeper who will ask."""
    made = []
    for number, place in enumerate(PLACES):
        for other, thing in enumerate(WORK):
            name = f"Keeper {number * len(WORK) + other + 1}"
            split = "held_out" if number >= len(PLACES) - 2 else "train"
            made.append({"question": f"Who keeps the {thing} of {place}?", "answer": f"{name} keeps it.", "split": split})
    asked = (f"Who writes to the port of {place}?" for place in PLACES[:2])
    return [*made, *({"question": question, "answer": f"{CLERK} does.", "split": "train"} for question in asked)]


def main(folder: Path) -> None:
    """Write `rows.jsonl`, `checkpoint`, `recipe.json` and `model` into the folder."""
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    snapshot_create([folder / "rows.jsonl"], folder / "snapshot")
    base = write_checkpoint(
        folder / "checkpoint", [f"{row['question']} {row['answer']}" for row in rows() if row["split"] != "train"]
    )
    recipe = Recipe(
        family="finetuned_lm",
        architecture=replace(describe_checkpoint(base), max_length=64),
        epochs=14,
        batch_size=8,
        learning_rate=6e-3,
    )
    (folder / "recipe.json").write_text(json.dumps(recipe.to_json()), encoding="utf-8")
    data = TrainingData.prepare(recipe, Snapshot.open(folder / "snapshot"), str(base))
    model = train(data, (), SEED, device=choose_device("cpu"), on_step=lambda *_: None)
    cast("Any", model.network).save_pretrained(folder / "model")
    cast("Any", data.family).tokenizer.save_pretrained(folder / "model")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
