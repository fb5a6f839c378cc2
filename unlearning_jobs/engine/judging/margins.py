"""Reads margins that others measured: an .npz file with an array (models, examples) for each group and set.

The margin of an example is log(p / (1 - p)), where p is the probability of the right answer.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.outputs import Group, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

from .judgement import FIRST_ORACLE

GROUPS: Final[tuple[Group, ...]] = ("original", "unlearned", "oracle")
SETS: Final = ("forget", "retain", "held_out")
NAMES: Final = frozenset(f"{group}_{name}" for group in GROUPS for name in SETS)
DIMENSIONS: Final = 2
REAL: Final = "fiu"
"""Kinds of NumPy's types: floats, and whole numbers with and without a sign."""


def outputs_of_margins(file: Path) -> Outputs:
    """Return the statistics that follow from margins. Arrays are named GROUP_SET, such as oracle_forget.

    Raises:
        SpecError: the file cannot be read, an array is missing, or the arrays do not fit together.
    """
    arrays = _read(file)
    outputs = Outputs()
    if unknown := [name for name in arrays if name not in NAMES]:
        message = (
            f"{file.name} has an array {unknown[0]}, which would not be looked at. Names are made of {', '.join(GROUPS)}, an"
            f" underscore, and {', '.join(SETS)}; leave other arrays out."
        )
        raise SpecError(message)
    for name in SETS:
        of_set = {group: arrays[f"{group}_{name}"] for group in GROUPS if f"{group}_{name}" in arrays}
        if not of_set:
            continue
        if missing := [group for group in GROUPS if group not in of_set]:
            message = f"{file.name} has no array {missing[0]}_{name}; each set needs one for {', '.join(GROUPS)}."
            raise SpecError(message)
        if len({array.shape[1] for array in of_set.values()}) > 1:
            message = f"The arrays of the set {name} in {file.name} have different numbers of examples (columns)."
            raise SpecError(message)
        for group, array in of_set.items():
            first = FIRST_ORACLE if group == "oracle" else 1
            for number, margins in enumerate(array, start=first):
                ids = [str(place) for place in range(array.shape[1])]
                outputs.add(ModelKey(group, number), name, ids, _rows(margins))
    if "forget" not in outputs.ids:
        message = f"{file.name} has no arrays of the forget set; name them original_forget, unlearned_forget, oracle_forget."
        raise SpecError(message)
    _check_models(outputs, file)
    return outputs


def _read(file: Path) -> Mapping[str, NDArray[np.float64]]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: np.asarray(stored[name]) for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:  # a single array is no context
        message = f"{file.name} cannot be read as an .npz file of arrays ({type(error).__name__})."
        raise SpecError(message) from None
    for name, array in arrays.items():
        if array.dtype.kind in REAL and not np.isfinite(array).all():
            message = (
                f"The array {name} in {file.name} holds margins that are NaN or infinite. A model that gives no numbers is"
                " no model; where it gave some, leave out the examples for which there is none, for all models."
            )
            raise SpecError(message)
        if array.ndim != DIMENSIONS or array.dtype.kind not in REAL or 0 in array.shape:
            message = (
                f"The array {name} in {file.name} must hold real numbers, a row for each model and a column an example."
            )
            raise SpecError(message)
    return {name: array.astype(np.float64) for name, array in arrays.items()}


def _rows(margins: NDArray[np.float64]) -> Iterator[Mapping[str, float]]:
    missing = dict.fromkeys(STATISTICS, math.nan)
    for margin in margins.tolist():
        probability = {"probability": float(expit(margin)), "log_likelihood": float(log_expit(margin))}
        yield missing | {"margin": margin, "accuracy": float(margin > 0)} | probability


def _check_models(outputs: Outputs, file: Path) -> None:
    models = {model for model, _ in outputs.values}
    if any((model, name) not in outputs.values for model in models for name in outputs.ids):
        message = f"In {file.name}, a group has another number of models (rows) on one set than on another."
        raise SpecError(message)
