"""Measures every method on MNIST (LeCun et al. 1998): the tables of `digits`, on larger pictures.

    make bench-mnist DATA=FOLDER      FOLDER holds mnist.npz

It uses the first 5,000 training pictures and the first 2,000 test pictures of 28 x 28 pixels, and a perceptron with 32
hidden units trained for 20 epochs. These sizes were chosen by measuring: on one core of an Intel Xeon with AVX-512,
training 100 such networks together takes two to three minutes, and everything, including sharded models, a few hours.
10,000 pictures and the small CNN, which were tried first, would have taken most of a day, because stacked convolutions run
no faster there than one after another. Measurements are stored under var/bench/mnist, with a snapshot of the pictures used;
`mnist.npz` stays where it is. The benchmark can be resumed.
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
"""Training thousands of models on subsets would take hours for each corpus."""


class MissingDataError(Exception):
    """The data set is not in the given folder; the message says what to do."""


def run(data: Path) -> None:
    """Measure what is missing and print the table of every forget set.

    Raises:
        MissingDataError: the folder holds no mnist.npz, or one without the arrays of MNIST.
    """
    measure_all(VAR, mnist(data), subjects(RECIPE, CONFIGS))


def mnist(data: Path) -> Pictures:
    """Return the pictures that the benchmark uses, as bytes.

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
