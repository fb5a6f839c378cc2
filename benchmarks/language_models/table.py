"""The table of methods on language models, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from .variants import Variant

HEAD: Final = (
    "| method | verdict | forget location, method | shipped | missed | forget quality | D | utility | probability |"
    " extraction strength | min-k AUC | share of retraining |"
)
COLUMNS: Final = HEAD.count("|") - 1


def print_table(folder: Path, splits: Sequence[str], variants: Sequence[Variant]) -> None:
    """Print one table for each split."""
    for split in sorted(splits):
        print(f"\n## {split}\n\n{HEAD}\n|{'---|' * COLUMNS}")
        for variant in variants:
            print(_line(folder / split / variant.name, variant.name))


def _line(folder: Path, name: str) -> str:
    if (folder / "refused.txt").exists():
        return f"| {name} | {(folder / 'refused.txt').read_text(encoding='utf-8')} |" + " |" * (COLUMNS - 2)
    if not (folder / "result.json").exists():
        return f"| {name} | not run |" + " |" * (COLUMNS - 2)
    result = json.loads((folder / "result.json").read_bytes())
    evaluation = result["evaluation"]
    return (
        "| " + " | ".join((name, _verdict(evaluation), *_estimands(evaluation), *_metrics(evaluation), _cost(result))) + " |"
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
    for key in (
        ("model_utility", "retain"),
        ("probability", "forget"),
        ("extraction_strength", "forget"),
        ("min_k", "forget"),
    ):
        metric = found.get(key)
        cells.append(_number(metric) if metric else "")
    return cells


def _number(metric: dict[str, Any]) -> str:
    """Return the unlearned model's value, and in brackets the original's and the mean oracle's."""
    oracles = metric["oracles"]
    mean = f"{sum(oracles) / len(oracles):.3g}" if oracles else "-"
    return f"{metric['unlearned']:.3g} ({metric['original']:.3g}, {mean})"


def _cost(result: dict[str, Any]) -> str:
    share = (result.get("efficiency") or {}).get("wall_share")
    return "" if share is None else f"{share:.1%}"
