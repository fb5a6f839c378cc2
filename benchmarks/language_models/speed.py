"""The time and memory of a step: Lethe's loops against transformers' Trainer with the same losses on the same rows.

    make bench-lm-speed DATA=FOLDER      FOLDER holds TOFU's full.json and *_perturbed.json files

Every row runs in a process of its own, three times, and the fastest counts. Both sides start from the same weights and take
as many steps with as many examples each; what a side works out before its first step counts as well, loading does not. The
last row compares all metrics of TOFU in one pass with the same ones, each on its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.tofu.corpus import AUTHOR_ROWS, RECIPE, tofu_snapshot
from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation.answers import answer_all
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.training.checkpoint import TrainingCheckpoint
from unlearning_jobs.engine.training.loop import train_epochs
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.training_data import TrainingData

from .trainer_peer import BATCH, TRAINED_ROWS, train_by_trainer, unlearn_by_trainer

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "language-models"
STEPS: Final = 40
TIMES: Final = 3
SUITE_ROWS: Final = 40
METHODS: Final = ("gradient_difference", "npo", "simnpo")
SCORED: Final = ("probability", "exact memorisation", "extraction strength", "min-k", "min-k++", "zlib", "privacy leakage")
"""Metrics that need one pass over the answers."""
GENERATED: Final = ("ROUGE-L", "verbatim")
COMPARED: Final = ("truth ratio", "forget quality")


def run(data: Path) -> None:
    """Measure every row on both sides and print the table."""
    tofu_snapshot(data, VAR)
    print("| what | Lethe, s | the other, s | faster by | Lethe, MiB | the other, MiB |\n|---|---|---|---|---|---|")
    for name in ("training", *METHODS, "all metrics of TOFU"):
        ours, others = (_measured(side, name) for side in ("ours", "others"))
        print(
            f"| {name} | {ours['seconds']:.2f} | {others['seconds']:.2f} | {others['seconds'] / ours['seconds']:.2f} |"
            f" {ours['memory']:.0f} | {others['memory']:.0f} |",
            flush=True,
        )


def _measured(side: str, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.language_models.speed", side, name]
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(TIMES)]
    runs = [json.loads(output.splitlines()[-1]) for output in outputs]  # Trainer prints lines of its own before
    return {"seconds": min(one["seconds"] for one in runs), "memory": min(one["memory"] for one in runs)}


def one(side: str, name: str) -> None:
    """Print the seconds and the peak memory of one row on one side."""
    snapshot = Snapshot.open(VAR / "snapshot")
    data = TrainingData.prepare(Recipe.from_json(json.loads(RECIPE.read_text(encoding="utf-8"))), snapshot)
    model = TrainedModel(data.family.build(1).eval(), data.family)
    work = (_ours if side == "ours" else _others)(name, data, model)
    begun = time.perf_counter()
    work()
    spent = time.perf_counter() - begun
    print(json.dumps({"seconds": spent, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _ours(name: str, data: TrainingData, model: TrainedModel) -> Callable[[], object]:
    if name == "training":
        chosen = data.family.encode(data.snapshot.get(data.retained_ids(())[:TRAINED_ROWS]))
        return partial(
            train_epochs,
            model.network.train(),
            chosen,
            data.family,
            data.recipe,
            epochs=1,
            seed=1,
            device=torch.device("cpu"),
            on_step=lambda *_: None,
            checkpoint=TrainingCheckpoint(None),
        )
    if name in METHODS:
        config = {"steps": STEPS, "forget_batch": BATCH, "retain_batch": BATCH, "floor": "none"}
        method = make_method(MethodChoice(name, complete_config(name, config)))
        return partial(method.unlearn, model, _context(data), lambda _: None)
    examples = data.snapshot.get(sorted(AUTHOR_ROWS)) + data.snapshot.get(data.retained_ids(())[:SUITE_ROWS])
    return partial(measure, model, examples, everything=True)


def _others(name: str, data: TrainingData, model: TrainedModel) -> Callable[[], object]:
    if name == "training":
        return partial(train_by_trainer, data, model)
    if name in METHODS:
        return partial(unlearn_by_trainer, name, data, model, sorted(AUTHOR_ROWS), STEPS)
    return partial(_one_by_one, data, model)


def _one_by_one(data: TrainingData, model: TrainedModel) -> None:
    """Compute every metric by passes of its own."""
    for ids in (sorted(AUTHOR_ROWS), data.retained_ids(())[:SUITE_ROWS]):
        examples = data.snapshot.get(ids)
        encoded: Any = data.family.encode(examples)
        for _metric in SCORED:
            score(model, encoded)
        for _metric in GENERATED:
            answer_all(model, examples, encoded.encoded)
        for _metric in COMPARED:
            _options_scored(model, examples)
        _options_scored(model, examples)  # model utility: probability, ROUGE-L and truth ratio once more
        score(model, encoded)
        answer_all(model, examples, encoded.encoded)


def _options_scored(model: TrainedModel, examples: Sequence[Example]) -> None:
    """Score the right and the wrong answers, as the truth ratio needs them."""
    options = [
        replace(example, completion=text)
        for example in examples
        if example.perturbed_answer
        for text in (example.paraphrased_answer or example.completion, *example.perturbed_answer)
    ]
    score(model, model.family.encode(options))


def _context(data: TrainingData) -> Context:
    forget = tuple(sorted(AUTHOR_ROWS))
    return Context(
        training_data=data,
        forget_ids=forget,
        retain_ids=tuple(data.retained_ids(forget)),
        exclude_ids=forget,
        held_out_ids=tuple(example.id for example in data.snapshot.examples("held_out")),
        seed=1,
        device=torch.device("cpu"),
        train=lambda *_: TrainedModel(data.family.build(1), data.family),  # these methods train no other model
        shared=VAR / "shared",
    )


if __name__ == "__main__":
    one(*sys.argv[1:])
