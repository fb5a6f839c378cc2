"""Reads logs of models on TOFU, one for each model: those of OpenUnlearning (TOFU_EVAL.json), and those of TOFU's own code
(eval_log_aggregated.json).

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

Values = Mapping[str, float]
"""By example; NaN where there is none."""
Columns = Mapping[tuple[str, str], Values]
"""What a log has, by set and statistic."""


@dataclass(frozen=True)
class Logged:
    """Where a log of OpenUnlearning has the values of a statistic."""

    name: str
    """Of the metric in a log of OpenUnlearning."""
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


TOFU_SETS: Final = {
    "eval_log_forget.json": "forget",
    "eval_log.json": "retain",
    "eval_real_author_wo_options.json": "real_authors",
    "eval_real_world_wo_options.json": "world_facts",
}
"""Parts of a log of TOFU's own code, and the sets that they are about."""
WITH_OPTIONS: Final = frozenset({"real_authors", "world_facts"})
"""Sets whose probability is that among the options."""


def outputs_of_logs(original: Sequence[Path], unlearned: Sequence[Path], oracles: Sequence[Path]) -> Outputs:
    """Return what the logs of models say about single examples.

    Raises:
        SpecError: a file is no such log, or the logs are about different examples.
    """
    logs: dict[ModelKey, Columns] = {}
    groups: tuple[tuple[Group, Sequence[Path], int], ...] = (
        ("original", original, 1),
        ("unlearned", unlearned, 1),
        ("oracle", oracles, FIRST_ORACLE),
    )
    for group, files, first in groups:
        logs |= {ModelKey(group, number): _columns(_read(file)) for number, file in enumerate(files, start=first)}
    in_all = [place for place in next(iter(logs.values()), {}) if all(place in log for log in logs.values())]
    if not any(name == "forget" for name, _ in in_all):
        message = "The logs have no values of the forget set in common; give logs with values by example, not summaries."
        raise SpecError(message)
    outputs = Outputs()
    for name in dict.fromkeys(name for name, _ in in_all):
        for model, log in logs.items():
            values = {statistic: log[of, statistic] for of, statistic in in_all if of == name}
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
        message = f"{file.name} is no log of a model; give its TOFU_EVAL.json or eval_log_aggregated.json."
        raise SpecError(message)
    return log


def _columns(log: Mapping[str, Any]) -> Columns:
    if TOFU_SETS.keys() & log.keys():
        return {
            (name, statistic): values
            for part, name in TOFU_SETS.items()
            if part in log
            for statistic, values in _of_tofu(log[part], part, name).items()
        }
    return {(one.examples, one.statistic): _values(log, one) for one in LOGGED if one.name in log}


def _values(log: Mapping[str, Any], logged: Logged) -> Values:
    try:
        by_index = log[logged.name]["value_by_index"].items()
        values = {str(index): (None if row is None else row[logged.key]) for index, row in by_index}
        if not values:
            raise ValueError  # noqa: TRY301  # said below, with what the log lacks
        return {index: math.nan if value is None else float(value) for index, value in values.items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        message = f"{logged.name} in a log has no value_by_index with {logged.key} for each example."
        raise SpecError(message) from None


def _of_tofu(part: Any, title: str, name: str) -> dict[str, Values]:
    """Return the statistics of one part of a log of TOFU's own code, from the losses by token that it holds."""
    try:
        own, wrong = part["avg_gt_loss"], part["average_perturb_loss"]
        paraphrased, recall = part["avg_paraphrased_loss"], part["rougeL_recall"]
        ratios = {i: math.exp(paraphrased[i] - sum(wrong[i]) / len(wrong[i])) for i in own}
        options = {i: math.exp(-own[i]) / (math.exp(-own[i]) + sum(math.exp(-loss) for loss in wrong[i])) for i in own}
        likelihoods = {i: math.exp(-own[i]) for i in own}
        probability = {"normalised_probability": options} if name in WITH_OPTIONS else {"probability": likelihoods}
        return {"truth_ratio": ratios, "rouge_l": {i: float(recall[i]) for i in own}, **probability}
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError, OverflowError):
        message = f"{title} in a log lacks losses or answers of an example; give the log as TOFU's code wrote it."
        raise SpecError(message) from None
