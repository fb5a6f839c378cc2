"""Every method on handwritten digits of MNIST (LeCun et al. 1998): the tables of `digits`, on larger pictures.

    make bench-mnist DATA=FOLDER      FOLDER holds mnist.npz

The first 5,000 training pictures and the first 2,000 test pictures of 28 x 28; a perceptron of 32 hidden units, 20 epochs.
The sizes were chosen by measuring: on one core of an Intel Xeon with AVX-512, 100 such networks trained at once take two to
three minutes, and everything, sharded models included, a few hours. 10,000 pictures and the small CNN, which were tried
first, would have taken most of a day: stacked convolutions run no faster there than one after the other. What is measured is
kept under var/bench/mnist, with a snapshot of the pictures that are used; `mnist.npz` stays where it is. Resumable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe

from .forget_sets import Pictures
from .run import measure_all
from .subjects import subjects

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "mnist"
TRAINING, HELD_OUT = 5000, 2000
ARRAYS: Final = ("x_train", "y_train", "x_test", "y_test")
RECIPE: Final = Recipe(
    family="classifier",
    architecture=ClassifierArchitecture("mlp", width=32),
    epochs=20,
    batch_size=128,
    learning_rate=0.1,
    optimizer="sgd",
)

CONFIGS: Final = {"datamodel_matching": {"attribution": "trak"}}
"""Thousands of models trained on subsets would take hours for each corpus."""


class MissingDataError(Exception):
    """The data set is not where the command was told to look; the sentence says what to do."""


def run(data: Path) -> None:
    """Measures what is missing and prints the table of every forget set.

    Raises:
        MissingDataError: the folder holds no mnist.npz, or one without the arrays of MNIST.
    """
    measure_all(VAR, mnist(data), subjects(RECIPE, CONFIGS))


def mnist(data: Path) -> Pictures:
    """The pictures that are used, as bytes.

    Raises:
        MissingDataError: see `run`.
    """
    path = data / "mnist.npz"
    if not path.is_file():
        message = f"{path} does not exist: DATA must name the folder that holds mnist.npz."
        raise MissingDataError(message)
    with np.load(path) as file:
        if missing := [name for name in ARRAYS if name not in file]:
            message = f"{path} has no array {missing[0]}; it needs {', '.join(ARRAYS)}."
            raise MissingDataError(message)
        train_x, train_y, test_x, test_y = (file[name] for name in ARRAYS)
    x = np.concatenate([train_x[:TRAINING], test_x[:HELD_OUT]])
    y = np.concatenate([train_y[:TRAINING], test_y[:HELD_OUT]]).astype(np.int64)
    return Pictures(x, y, TRAINING)
