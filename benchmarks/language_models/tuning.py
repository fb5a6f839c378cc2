"""Tries one method with one set of settings on a split of TOFU, and prints how far its result lies from retraining.

    python -m benchmarks.language_models.tuning SPLIT METHOD [OPTION=VALUE ...]

Settings for `make bench-lm` are chosen by this. Its model and its oracles have seeds that the benchmark's audit does not
have. It needs the corpus that `make bench-lm` makes, keeps its models beside those of the benchmark, and adds a line to
var/bench/language-models/tuning.jsonl.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import numpy as np
import torch
from scipy.stats import ks_2samp

from benchmarks.tofu.corpus import RECIPE
from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice, Protocol, Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.sets import evaluation_sets
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.training_data import TrainingData

from .run import ROWS, SPLITS, TUNED, VAR

SEED, *ORACLES = TUNED
DAMAGED: Final = 0.2
"""Loss of probability that counts as damage to an example, as in the verdict."""


def run(split: str, method: str, *given: str) -> None:
    """Unlearn the split from the tuning model, and print the distance to the tuning oracles."""
    config = {name: _value(text) for name, text in (one.split("=", 1) for one in given)}
    snapshot = Snapshot.open(VAR / "snapshot")
    data = TrainingData.prepare(Recipe.from_json(json.loads(RECIPE.read_text(encoding="utf-8"))), snapshot)
    trainer = Trainer(data, VAR / "cache", torch.device("cpu"))
    forget = tuple(f"e{number:08d}" for number in range(ROWS - SPLITS[split], ROWS))
    retained = tuple(data.retained_ids(forget))
    sets = evaluation_sets(snapshot, forget, retained, Protocol((), tuple(ORACLES)))
    context = Context(
        training_data=data,
        forget_ids=forget,
        retain_ids=retained,
        exclude_ids=forget,
        held_out_ids=tuple(example.id for example in snapshot.examples("held_out")),
        seed=SEED,
        device=trainer.device,
        train=trainer.obtain,
        shared=VAR / "cache" / "shared",
        taken_seeds=frozenset((SEED, *ORACLES)),
    )
    outputs = Outputs()
    original = trainer.obtain((), SEED, lambda *_: None)
    unlearned = make_method(MethodChoice(method, complete_config(method, config)), data.recipe).unlearn(
        original, context, lambda _: None
    )
    for key, model in (
        (ModelKey("original", SEED), original),
        (ModelKey("unlearned", SEED), unlearned),
        *((ModelKey("oracle", seed), trainer.obtain(forget, seed, lambda *_: None)) for seed in ORACLES),
    ):
        _measure(outputs, key, model, sets)
    found = _distances(outputs)
    with (VAR / "tuning.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"split": split, "method": method, "config": config, **found}) + "\n")
    print(f"{split} {method} {config}: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), flush=True)


def _measure(outputs: Outputs, key: ModelKey, model: Any, sets: dict[str, list[Example]]) -> None:
    for name in ("forget", "retain", "held_out"):
        rows = measure(model, sets[name], everything=name == "forget")  # the truth ratio of the forget set is wanted
        outputs.add(key, name, [example.id for example in sets[name]], rows)


def _distances(outputs: Outputs) -> dict[str, float]:
    """Return the estimands that the verdict is about, for one model and without intervals, and the forget quality."""

    def values(group: Any, name: str, statistic: str) -> Array:
        return np.asarray(outputs.matrix(group, name, statistic).mean(0))

    margins = {group: values(group, "forget", "margin") for group in ("original", "unlearned", "oracle")}
    gap = margins["original"] - margins["oracle"]
    share = (margins["unlearned"] - margins["oracle"]) / gap
    lost = {name: values("oracle", name, "probability") - values("unlearned", name, "probability") for name in outputs.ids}
    ratios = outputs.vector(ModelKey("unlearned", SEED), "forget", "truth_ratio")
    tests = [ks_2samp(ratios, oracle, nan_policy="omit") for oracle in outputs.matrix("oracle", "forget", "truth_ratio")]
    return {
        "location": float((margins["unlearned"] - margins["oracle"]).mean() / gap.mean()),
        "deviation": float(np.abs(margins["unlearned"] - margins["oracle"]).mean() / np.abs(gap).mean()),
        "missed": float((share > 1 / 2).mean()),
        "retain probability lost": float(lost["retain"].mean()),
        "retain damaged": float((lost["retain"] > DAMAGED).mean()),
        "held-out margin": float(
            (values("unlearned", "held_out", "margin") - values("oracle", "held_out", "margin")).mean()
        ),
        "forget quality": float(np.median([test.pvalue for test in tests])),
        "D": float(np.median([test.statistic for test in tests])),
        "log truth ratio, unlearned": float(np.nanmean(np.log(ratios))),
        "log truth ratio, oracles": float(np.nanmean(np.log(outputs.matrix("oracle", "forget", "truth_ratio")))),
        "spread of it, unlearned": float(np.nanstd(np.log(ratios))),
        "spread of it, oracles": float(np.nanstd(np.log(outputs.matrix("oracle", "forget", "truth_ratio")))),
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    run(*sys.argv[1:])
