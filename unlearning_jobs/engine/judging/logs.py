"""Reads the logs that OpenUnlearning writes for TOFU (TOFU_EVAL.json), one for each model.

They hold values by example, from which the metrics are computed again; what a log states itself is compared with that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.outputs import Group, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

from .judgement import FIRST_ORACLE


@dataclass(frozen=True)
class Logged:
    """Where a log has the values of a statistic."""

    name: str
    """Of the metric in the log."""
    key: str
    """Of the value of an example."""
    examples: str
    statistic: str


LOGGED: Final = (
    Logged("forget_Q_A_Prob", "prob", "forget", "probability"),
    Logged("forget_Q_A_ROUGE", "rougeL_recall", "forget", "rouge_l"),
    Logged("forget_truth_ratio", "score", "forget", "truth_ratio"),
    Logged("exact_memorization", "score", "forget", "exact_memorization"),
    Logged("extraction_strength", "score", "forget", "extraction_strength"),
    Logged("retain_Q_A_Prob", "prob", "retain", "probability"),
    Logged("retain_Q_A_ROUGE", "rougeL_recall", "retain", "rouge_l"),
    Logged("retain_Truth_Ratio", "score", "retain", "truth_ratio"),
    Logged("ra_Q_A_Prob_normalised", "prob", "real_authors", "normalised_probability"),
    Logged("ra_Q_A_ROUGE", "rougeL_recall", "real_authors", "rouge_l"),
    Logged("ra_Truth_Ratio", "score", "real_authors", "truth_ratio"),
    Logged("wf_Q_A_Prob_normalised", "prob", "world_facts", "normalised_probability"),
    Logged("wf_Q_A_ROUGE", "rougeL_recall", "world_facts", "rouge_l"),
    Logged("wf_Truth_Ratio", "score", "world_facts", "truth_ratio"),
)
STATED: Final = ("forget_quality", "model_utility")
"""Numbers over all examples that a log states, and that the metrics of these names give."""


def outputs_of_logs(original: Sequence[Path], unlearned: Sequence[Path], oracles: Sequence[Path]) -> Outputs:
    """Return what the logs of models say about single examples.

    Raises:
        SpecError: a file is no such log, or the logs are about different examples.
    """
    logs: dict[ModelKey, Mapping[str, Any]] = {}
    groups: tuple[tuple[Group, Sequence[Path], int], ...] = (
        ("original", original, 1),
        ("unlearned", unlearned, 1),
        ("oracle", oracles, FIRST_ORACLE),
    )
    for group, files, first in groups:
        logs |= {ModelKey(group, number): _read(file) for number, file in enumerate(files, start=first)}
    in_all = [one for one in LOGGED if all(one.name in log for log in logs.values())]
    if not any(one.examples == "forget" for one in in_all):
        message = "The logs have no values of the forget set in common; give TOFU_EVAL.json of each model, not a summary."
        raise SpecError(message)
    outputs = Outputs()
    for name in dict.fromkeys(one.examples for one in in_all):
        columns = [one for one in in_all if one.examples == name]
        for model, log in logs.items():
            values = {one.statistic: _values(log, one) for one in columns}
            ids = list(next(iter(values.values())))
            if any(list(of_statistic) != ids for of_statistic in values.values()):
                message = f"A log of the group {model.group} is about different examples of the set {name} in its parts."
                raise SpecError(message)
            rows = [
                dict.fromkeys(STATISTICS, math.nan) | {statistic: of[i] for statistic, of in values.items()} for i in ids
            ]
            try:
                outputs.add(model, name, ids, rows)
            except ValueError as error:
                raise SpecError(str(error)) from None
    return outputs


def logged_values(file: Path) -> dict[str, float]:
    """Return the numbers over all examples that a log states itself, of those that are computed again here.

    Raises:
        SpecError: the file is no such log.
    """
    log = _read(file)
    stated = {name: log[name].get("agg_value") for name in STATED if isinstance(log.get(name), dict)}
    return {name: float(value) for name, value in stated.items() if isinstance(value, int | float)}


def _read(file: Path) -> Mapping[str, Any]:
    try:
        log = json.loads(file.read_bytes())
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}."
        raise SpecError(message) from None
    except ValueError:
        message = f"{file.name} is not JSON."
        raise SpecError(message) from None
    if not isinstance(log, dict):
        message = f"{file.name} is no log of OpenUnlearning; give the TOFU_EVAL.json of a model."
        raise SpecError(message)
    return log


def _values(log: Mapping[str, Any], logged: Logged) -> dict[str, float]:
    """Return the values of a statistic by example; NaN where the log has none."""
    try:
        by_index = log[logged.name]["value_by_index"].items()
        values = {str(index): (None if row is None else row[logged.key]) for index, row in by_index}
        return {index: math.nan if value is None else float(value) for index, value in values.items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        message = f"{logged.name} in a log has no value_by_index with {logged.key} for each example."
        raise SpecError(message) from None
