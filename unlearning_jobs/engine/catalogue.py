"""What methods and metrics there are, in words, without torch: for forms, reports and the command line.

A test holds this table equal to the classes that do the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from .contracts import Guarantee
from .errors import SpecError


@dataclass(frozen=True)
class Option:
    """A hyper-parameter: its kind, default, and the values it may take."""

    name: str
    kind: Literal["int", "float", "choice"]
    default: int | float | str
    description: str
    low: float = 0.0
    high: float = 1e9
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class MethodEntry:
    """An unlearning method."""

    name: str
    title: str
    guarantee: Guarantee
    families: tuple[str, ...]
    source: str
    description: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class MetricEntry:
    """A metric: reported beside the verdict, never the verdict itself."""

    name: str
    title: str
    source: str
    description: str


@dataclass(frozen=True)
class Facts:
    """What is known of a job before it runs."""

    family: str
    forget: int
    retain: int
    held_out: int
    epochs: int
    trained_seconds: float = 0.0


def _gradient_options(*, floor: str, steps: int, rate: float) -> tuple[Option, ...]:
    return (
        Option("learning_rate_share", "float", rate, "Peak learning rate as a share of the recipe's.", 1e-6, 100),
        Option("steps", "int", steps, "Optimiser steps.", 1, 1_000_000),
        Option("forget_batch", "int", 32, "Examples to forget per step.", 1, 4096),
        Option(
            "floor",
            "choice",
            floor,
            "held_out: an example's forget term rests once it is as unlikely, per byte, as similar held-out examples are."
            " none: it is driven on to the last step.",
            choices=("held_out", "none"),
        ),
    )


def _retain_options(weight: float) -> tuple[Option, ...]:
    return (
        Option("retain_batch", "int", 16, "Examples to retain per step, drawn at random.", 1, 4096),
        Option("forget_weight", "float", 1.0, "Weight of the forget term.", 0, 1000),
        Option("retain_weight", "float", weight, "Weight of the retain term.", 0, 1000),
    )


METHODS: Final[Mapping[str, MethodEntry]] = {
    entry.name: entry
    for entry in (
        MethodEntry(
            "retrain",
            "Retrain without the data",
            "exact",
            ("causal_lm",),
            "The definition itself; e.g. Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
            "Trains the model again by the same recipe and seed, on the remaining examples alone. The result has never seen"
            " the forgotten ones. It costs as much as the first training.",
        ),
        MethodEntry(
            "npo",
            "Negative preference optimisation",
            "empirical",
            ("causal_lm",),
            "Zhang et al. 2024, Negative Preference Optimization, arXiv 2404.05868",
            "Treats the answers to forget as answers not to prefer: it lowers their likelihood relative to the original"
            " model, with a force that fades as they become unlikely, while ordinary training on remaining examples holds"
            " the rest in place. Quick, without a guarantee: only the evaluation says how close it came. The force counts"
            " whole answers, so it fades early on long ones.",
            (
                *_gradient_options(floor="held_out", steps=40, rate=0.1),
                *_retain_options(1.0),
                Option("beta", "float", 0.1, "Inverse temperature.", 1e-3, 100),
            ),
        ),
        MethodEntry(
            "gradient_difference",
            "Gradient difference",
            "empirical",
            ("causal_lm",),
            "Liu et al. 2022, Continual Learning and Private Unlearning, arXiv 2203.12817; TOFU, arXiv 2401.06121",
            "Ascends the loss on the examples to forget and descends it on remaining ones at the same time. Quick, without a"
            " guarantee: only the evaluation says how close it came.",
            (*_gradient_options(floor="held_out", steps=40, rate=0.05), *_retain_options(2.0)),
        ),
        MethodEntry(
            "gradient_ascent",
            "Gradient ascent",
            "empirical",
            ("causal_lm",),
            "Jang et al. 2023, Knowledge Unlearning, arXiv 2210.01504",
            "Ascends the loss on the examples to forget and does nothing else. It soon damages everything else and leaves"
            " these examples less likely than if they had never been seen. A baseline, rarely a good choice.",
            _gradient_options(floor="none", steps=20, rate=0.1),
        ),
        MethodEntry(
            "nothing",
            "Do nothing",
            "control",
            ("causal_lm",),
            "A control of this system",
            "Returns the model unchanged. An evaluation that does not fail it shows nothing.",
        ),
    )
}

METRICS: Final[Mapping[str, MetricEntry]] = {
    entry.name: entry
    for entry in (
        MetricEntry(
            "exact_memorization",
            "Exact memorisation",
            "OpenUnlearning (Dorna et al. 2025); Tirumala et al. 2022, arXiv 2205.10770",
            "Share of the answer's tokens that the model ranks first, each given the true ones before it.",
        ),
        MetricEntry(
            "extraction_strength",
            "Extraction strength",
            "Carlini et al. 2021, arXiv 2012.07805, as in OpenUnlearning",
            "Share of the answer that follows, every token ranked first, from the shortest prefix that suffices."
            " Where no suffix follows it is 0; OpenUnlearning's code then gives 1 over the answer's length.",
        ),
        MetricEntry(
            "probability",
            "Probability",
            "TOFU (Maini et al. 2024, arXiv 2401.06121)",
            "Geometric mean of the probabilities of the answer's tokens, end-of-text included.",
        ),
        MetricEntry(
            "rouge_l",
            "ROUGE-L recall",
            "Lin 2004; TOFU",
            "Longest common subsequence of the greedy answer and the true one, as a share of the true one's words, stemmed.",
        ),
        MetricEntry(
            "truth_ratio",
            "Truth ratio",
            "TOFU",
            "R = probability of wrong answers over that of the right one, paraphrased. On the forget set the mean of"
            " min(R, 1/R), elsewhere of max(0, 1 - R).",
        ),
        MetricEntry(
            "forget_quality",
            "Forget quality",
            "TOFU",
            "p-value of a Kolmogorov-Smirnov test between the truth ratios of the unlearned model and of an oracle, one"
            " value per example. It takes examples for replicates and compares two models alone, so a large p is no evidence"
            " of equality; D and n are given with it.",
        ),
        MetricEntry(
            "model_utility",
            "Model utility",
            "TOFU",
            "Harmonic mean of probability, ROUGE-L recall and truth ratio (mean of max(0, 1 - R)) over the retain set and,"
            " where they exist, real authors and world facts.",
        ),
        MetricEntry(
            "min_k",
            "Min-K% membership",
            "Shi et al. 2024, arXiv 2310.16789, k = 40 %, as in OpenUnlearning",
            "Area under the ROC curve of telling forget from held-out examples by the mean of the lowest 40 % of their"
            " tokens' log-probabilities: 1 means that the forget set still looks like training data.",
        ),
    )
}


def complete_config(method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with every default filled in.

    Raises:
        SpecError: the method or an option does not exist, or a value is of the wrong kind or out of range.
    """
    options = {option.name: option for option in _entry(method).options}
    if unknown := sorted(set(config) - set(options)):
        message = f"{method} has no option {unknown[0]!r}; it has {', '.join(options) or 'none'}."
        raise SpecError(message)
    return {name: _checked(method, option, config.get(name, option.default)) for name, option in options.items()}


def obstacles(method: str, facts: Facts, config: Mapping[str, Any] | None = None) -> list[str]:
    """Why the method cannot run, in sentences; empty when it can.

    Raises:
        SpecError: the method does not exist, or its configuration is wrong.
    """
    entry, options = _entry(method), complete_config(method, config or {})
    found = []
    if facts.family not in entry.families:
        found.append(f"{entry.title} works on {' and '.join(entry.families)} only, and the model is a {facts.family}.")
    if facts.forget < 1:
        found.append("There is nothing to forget: the forget set is empty.")
    if facts.retain < 1:
        found.append("Nothing would be left: every training example is to be forgotten.")
    if options.get("floor") == "held_out" and facts.held_out < 1:
        found.append(f"{entry.title} stops at the level of held-out examples, and the corpus has none; set floor to none.")
    return found


def expected_cost(method: str, facts: Facts, config: Mapping[str, Any] | None = None) -> float:
    """Cost as a share of training the model again, counted in examples that pass forwards and backwards."""
    options = complete_config(method, config or {})
    if method == "retrain":
        return 1.0
    if method == "nothing":
        return 0.0
    per_step = min(options["forget_batch"], facts.forget) + options.get("retain_batch", 0)
    return float(options["steps"] * per_step / max(1, facts.epochs * facts.retain))


def _entry(method: str) -> MethodEntry:
    if method not in METHODS:
        message = f"There is no method {method[:60]!r}; choose one of {', '.join(METHODS)}."
        raise SpecError(message)
    return METHODS[method]


def _checked(method: str, option: Option, value: object) -> int | float | str:
    where = f"{method}.{option.name}"
    if option.kind == "choice":
        if not isinstance(value, str) or value not in option.choices:
            message = f"{where} must be one of {', '.join(option.choices)}."
            raise SpecError(message)
        return value
    kinds = (int,) if option.kind == "int" else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not option.low <= value <= option.high:
        number = "a whole number" if option.kind == "int" else "a number"
        message = f"{where} must be {number} from {option.low:g} to {option.high:g}."
        raise SpecError(message)
    return value if option.kind == "int" else float(value)
