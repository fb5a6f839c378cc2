"""The table of methods on language models, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import harmonic_mean
from typing import Any, Final

from .variants import Variant

HEAD: Final = (
    "| method | verdict | forget location, method | shipped | missed | forget quality | D | utility | utility, retain |"
    " extraction strength | min-k AUC | relearned | 4 bits | share of retraining |"
)
COLUMNS: Final = HEAD.count("|") - 1
SHOWN: Final = (
    ("extraction_strength", "forget"),
    ("min_k", "forget"),
    ("relearning", "forget"),
    ("quantized_4", "forget"),
)
UTILITY: Final = ("probability", "rouge_l", "truth_ratio")
"""The terms of TOFU's model utility on the retain set. A model from random weights knows nothing of the other sets, whatever
was unlearned from it, so the mean of all nine terms is noise."""


def print_table(folder: Path, splits: Sequence[str], variants: Sequence[Variant], epochs: int) -> None:
    """Print one table for each split; a retraining takes so many epochs."""
    for split in sorted(splits):
        print(f"\n## {split}\n\n{HEAD}\n|{'---|' * COLUMNS}")
        for variant in variants:
            print(_line(folder / split / variant.name, variant.name, epochs))


def _line(folder: Path, name: str, epochs: int) -> str:
    if (folder / "refused.txt").exists():
        return f"| {name} | {(folder / 'refused.txt').read_text(encoding='utf-8')} |" + " |" * (COLUMNS - 2)
    if not (folder / "result.json").exists():
        return f"| {name} | not run |" + " |" * (COLUMNS - 2)
    result = json.loads((folder / "result.json").read_bytes())
    evaluation = result["evaluation"]
    return (
        "| "
        + " | ".join((name, _verdict(evaluation), *_estimands(evaluation), *_metrics(evaluation), _cost(result, epochs)))
        + " |"
    )


def _verdict(evaluation: dict[str, Any]) -> str:
    verdict = evaluation["verdict"]
    return " ".join(filter(None, (verdict["outcome"], verdict["direction"])))


def _estimands(evaluation: dict[str, Any]) -> list[str]:
    found = {(f.get("scope", "method"), f["estimand"]["name"]): f for f in evaluation["estimands"]}
    cells = []
    for key in (("method", "forget_location"), ("shipped", "forget_location"), ("method", "forget_missed")):
        finding = found.get(key)
        cells.append("" if finding is None else f"{finding['estimate']:.2f} [{finding['low']:.2f}, {finding['high']:.2f}]")
    return cells


def _metrics(evaluation: dict[str, Any]) -> list[str]:
    found = {(m["name"], m["examples"]): m for m in evaluation["metrics"]}
    quality = found.get(("forget_quality", "forget"))
    distance = quality["note"].split("D = ")[1].split(",")[0] if quality else ""
    cells = [f"{quality['unlearned']:.2g}" if quality else "", distance]
    cells.append(_number(found["model_utility", "retain"]) if ("model_utility", "retain") in found else "")
    cells.append(_number(_retain_utility([found[name, "retain"] for name in UTILITY])))
    return cells + [_number(found[key]) if key in found else "" for key in SHOWN]


def _retain_utility(terms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the harmonic mean of the retain set's terms, of each model."""
    oracles = zip(*(term["oracles"] for term in terms), strict=True)
    return {
        "original": harmonic_mean([term["original"] for term in terms]),
        "unlearned": harmonic_mean([term["unlearned"] for term in terms]),
        "oracles": [harmonic_mean(oracle) for oracle in oracles],
    }


def _number(metric: dict[str, Any]) -> str:
    """Return the unlearned model's value, and in brackets the original's and the mean oracle's."""
    oracles = metric["oracles"]
    mean = f"{sum(oracles) / len(oracles):.3g}" if oracles else "-"
    return f"{metric['unlearned']:.3g} ({metric['original']:.3g}, {mean})"


def _cost(result: dict[str, Any], epochs: int) -> str:
    """Return the examples that the method processed, as a share of those that a retraining processes."""
    cost = result["efficiency"]
    examples = None if cost.get("from_cache") else cost["unlearning"]["examples"]  # what is cached was processed earlier
    return "" if examples is None else f"{examples / (epochs * result['train_examples']):.1%}"
