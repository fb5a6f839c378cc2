"""Facts about the tests over models: how many labellings there are, what follows from the p-values, and how many count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from compliance.formats.findings import ExampleFindings, PermutationFinding

from .facts import of_report
from .story import ToldReport

EXHAUSTIVE_UP_TO: Final = 20_000
DRAWN: Final = 9_999
CHANCE: Final = 0.5
CLOSE: Final = 1e-9
COUNTS: Final = ("too_high_fdr", "too_low_fdr", "too_high_fwer", "too_low_fwer")


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust for the family-wise error (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(largest, 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust for the false-discovery rate (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    adjusted, smallest = [0.0] * len(p_values), 1.0
    for rank, i in enumerate(order):
        smallest = min(smallest, p_values[i] * len(p_values) / (len(p_values) - rank))
        adjusted[i] = smallest
    return adjusted


def alike(first: Any, second: Any) -> bool:
    """Return whether two values are equal, numbers up to rounding."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(alike(first[name], second[name]) for name in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=CLOSE, abs_tol=CLOSE)
    return type(first) is type(second) and bool(first == second)


def _labellings(first: int, second: int) -> dict[str, Any]:
    count = math.comb(first + second, first)
    exhaustive = count <= EXHAUSTIVE_UP_TO
    return {"labellings": count if exhaustive else DRAWN, "exhaustive": exhaustive, "p_value": "a share of them"}


def _counted(test: PermutationFinding) -> dict[str, Any]:
    """Return how many labellings a test tried, and whether its p-value is a share of them."""
    tried = test.labelings if test.exhaustive else test.labelings + 1
    share = test.p_value * tried
    possible = 1 <= round(share) <= tried and abs(share - round(share)) < CLOSE * tried
    possible = possible and 0 <= test.statistic <= CHANCE
    return {
        "labellings": test.labelings,
        "exhaustive": test.exhaustive,
        "p_value": "a share of them" if possible else "none",
    }


def _tried(told: ToldReport) -> dict[str, Any] | None:
    evaluation = told.evaluation
    if evaluation is None or evaluation.permutation is None:
        return None
    tests = {"permutation": evaluation.permutation} | {one.examples: one.permutation for one in evaluation.sets}
    return {name: _counted(test) for name, test in tests.items()} | {
        control.name: _counted(control.permutation) for control in evaluation.controls
    }


def _to_try(told: ToldReport) -> dict[str, Any] | None:
    """Return how many labellings there are of the models at the look."""
    evaluation, protocol = told.evaluation, told.protocol
    if evaluation is None or not 1 <= evaluation.look <= protocol.looks:
        return None
    unlearned, oracles = protocol.unlearned_at(evaluation.look), protocol.oracles_at(evaluation.look)
    sizes = {"oracle_against_oracle": ((oracles + 1) // 2, oracles // 2)}
    sizes |= {"pairs_against_independent": (unlearned, len(protocol.oracle_seeds))}
    sizes |= {"declared_against_replicates": (1, unlearned - 1)}
    names = {"permutation", *(one.examples for one in evaluation.sets), *(control.name for control in evaluation.controls)}
    return {name: _labellings(*sizes.get(name, (unlearned, oracles))) for name in names}


def _adjusted(told: ToldReport) -> list[float] | None:
    return None if told.evaluation is None else [one.p_adjusted for one in told.evaluation.sets]


def _adjusted_again(told: ToldReport) -> list[float] | None:
    return None if told.evaluation is None else holm([one.permutation.p_value for one in told.evaluation.sets])


def _forget_test(told: ToldReport) -> Any:
    test = None if told.evaluation is None else told.evaluation.permutation
    return None if test is None else test.to_json()


def _forget_set_test(told: ToldReport) -> Any:
    if told.evaluation is None or told.evaluation.permutation is None:
        return None
    return next((one.permutation.to_json() for one in told.evaluation.sets if one.examples == "forget"), "nothing")


def _examples(told: ToldReport) -> dict[str, Any] | None:
    """Return what is said about single examples and follows from something else."""
    if told.evaluation is None or told.evaluation.gap is None:
        return None
    one = told.evaluation.examples
    if one is None:
        return {}
    counts = {name: getattr(one, name) for name in COUNTS}
    return {"p_fdr": list(one.p_fdr), "level": one.level, "counts": counts, "adjusted": "at least as large"}


def _examples_again(told: ToldReport) -> dict[str, Any] | None:
    if told.evaluation is None or told.evaluation.gap is None:
        return None
    one = told.evaluation.examples
    if one is None:
        return {"examples": "tested one by one"}
    return {
        "p_fdr": benjamini_hochberg(one.p_value),
        "level": told.protocol.alpha,
        "counts": _counts(one),
        "adjusted": "at least as large" if all(map(_not_smaller, one.p_fwer, one.p_value)) else "smaller",
    }


def _not_smaller(adjusted: float, p_value: float) -> bool:
    return 0 < p_value <= adjusted + CLOSE and adjusted <= 1


def _counts(one: ExampleFindings) -> dict[str, int]:
    def count(adjusted: Sequence[float], *, high: bool) -> int:
        return sum(
            p <= one.level and (auc > CHANCE if high else auc < CHANCE) for p, auc in zip(adjusted, one.auc, strict=False)
        )

    return {
        f"too_{side}_{name}": count(adjusted, high=side == "high")
        for name, adjusted in (("fdr", one.p_fdr), ("fwer", one.p_fwer))
        for side in ("high", "low")
    }


def _numbers_of_examples(told: ToldReport) -> dict[str, int] | None:
    one = None if told.evaluation is None else told.evaluation.examples
    return None if one is None else {name: len(getattr(one, name)) for name in ("auc", "p_value", "p_fdr", "p_fwer")}


def _numbers_of_ids(told: ToldReport) -> dict[str, int] | None:
    one = None if told.evaluation is None else told.evaluation.examples
    return None if one is None else dict.fromkeys(("auc", "p_value", "p_fdr", "p_fwer"), len(one.example_ids))


def _paths(*names: str) -> tuple[str, ...]:
    return tuple(f"result.json evaluation.{name}" for name in names)


TRIED = of_report(
    "result.json evaluation, labellings of its tests",
    _tried,
    *_paths("permutation", "sets.permutation", "controls.permutation", "sets.examples"),
)
TO_TRY = of_report("labellings of the models that the protocol names", _to_try, "report protocol")
FORGET_TEST = of_report("result.json evaluation.permutation", _forget_test, *_paths("permutation"))
FORGET_SET_TEST = of_report("result.json evaluation.sets forget", _forget_set_test, *_paths("sets.permutation"))
ADJUSTED = of_report("result.json evaluation.sets p_adjusted", _adjusted, *_paths("sets.p_adjusted"))
ADJUSTED_AGAIN = of_report("result.json evaluation.sets p_value, adjusted", _adjusted_again, *_paths("sets.permutation"))
EXAMPLES = of_report(
    "result.json evaluation.examples, adjusted and counted",
    _examples,
    *_paths(
        *(f"examples.{name}" for name in ("level", "p_fdr", "too_high_fdr", "too_low_fdr", "too_high_fwer", "too_low_fwer"))
    ),
)
EXAMPLES_AGAIN = of_report(
    "result.json evaluation.examples p_value and auc",
    _examples_again,
    *_paths("examples.p_value", "examples.auc", "examples.p_fwer"),
)
NUMBERS_OF_EXAMPLES = of_report("result.json evaluation.examples, its lists", _numbers_of_examples, *_paths("examples"))
NUMBERS_OF_IDS = of_report(
    "result.json evaluation.examples example_ids, counted", _numbers_of_ids, *_paths("examples.example_ids")
)
