"""Measures every method on scikit-learn's digits: KLoM, U-LiRA and the NeurIPS 2023 score against retraining, and cost.

    make bench-digits

The digits are scikit-learn's (UCI, CC BY 4.0): 1,437 for training, 360 held out. Every method unlearns from 100 originals,
which are compared with 100 oracles; 100 more oracles give the noise floor. All methods run with the catalogue's defaults,
which were tuned on other forget sets and seeds. The benchmark can be resumed: all measurements are stored under
var/bench/digits. From scratch it takes about two hours on one core, because models in shards are trained one by one and
datamodels need 8,500 models for each corpus.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.training.training_data import TrainingData

from .forget_sets import Pictures, snapshot
from .run import measure_all
from .subjects import subjects

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "digits"
TRAINING: Final = 1437
RECIPE: Final = Recipe(
    family="classifier",
    architecture=ClassifierArchitecture("mlp", width=64),
    epochs=40,
    batch_size=64,
    learning_rate=0.1,
    optimizer="sgd",
)


def run(_data: Path | None = None) -> None:
    """Measure what is missing and print the table of every forget set."""
    measure_all(VAR, digits(), subjects(RECIPE))


def digits() -> Pictures:
    """Return the digits in a fixed random order."""
    from sklearn.datasets import load_digits  # only the benchmarks need it

    dataset = load_digits()
    order = np.random.default_rng(0).permutation(len(dataset.target))
    return Pictures(dataset.data[order].astype(np.float32) / 16, dataset.target[order], TRAINING)


def digits_training_data() -> TrainingData:
    """Return the digits with their true labels, for the recipe of this benchmark."""
    return TrainingData.prepare(RECIPE, snapshot(VAR, digits(), "clean"))
