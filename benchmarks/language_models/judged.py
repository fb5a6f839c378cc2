"""Judges the logs that TOFU's authors published beside their code, and compares with the numbers that those logs must give.

    make bench-judge DATA=FOLDER      FOLDER is the folder `data` of github.com/locuslab/tofu (MIT), with ft_epoch5_* in it

Nothing was unlearned in these logs: they are of models trained on all of TOFU (do nothing) and of models trained without a
tenth of it (oracles), with two weight decays each.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from unlearning_jobs.engine.judging import judge, outputs_of_logs

LOG: Final = Path("eval_results", "ds_size300", "eval_log_aggregated.json")
MODELS: Final = {"llama2-7b": "ft_epoch5_lr1e-05_llama2-7b", "phi": "ft_epoch5_lr2e-05_phi"}
DECAYS: Final = ("0.01", "0")
ROUNDED: Final = 1e-3
"""How exactly these numbers are known."""
PUBLISHED: Final = {"llama2-7b": (0.3967, 1.834e-21), "phi": (0.3467, 2.194e-16)}
"""Distance and p-value of do nothing against the oracle, weight decay 0.01, computed from the same logs by scipy alone."""


def run(data: Path) -> None:
    """Print the table, and say which numbers differ from those that are known."""
    print("| model | judged | against | D | forget quality | utility | outcome |\n|---|---|---|---|---|---|---|")
    for model, (distance, p_value) in PUBLISHED.items():
        full, oracle, other = (
            data / f"{MODELS[model]}_{split}_wd{decay}" / LOG
            for split, decay in (("full", DECAYS[0]), ("retain90", DECAYS[0]), ("retain90", DECAYS[1]))
        )
        found = _row(model, "do nothing", full, full, oracle)
        _row(model, "another oracle (weight decay 0)", full, other, oracle)
        known = math.isclose(found[0], distance, abs_tol=ROUNDED) and math.isclose(found[1], p_value, rel_tol=ROUNDED)
        print(f"| {model} | known: D {distance}, p {p_value:.4g} | | | | | {'the same' if known else 'DIFFERS'} |")


def _row(model: str, name: str, original: Path, unlearned: Path, oracle: Path) -> tuple[float, float]:
    found = judge(outputs_of_logs([original], [unlearned], [oracle]), "causal_lm")
    metrics = {metric.name: metric for metric in found.metrics}
    quality, utility = metrics["forget_quality"], metrics["model_utility"]
    distance = float(quality.note.split("D = ")[1].split(",")[0])
    print(
        f"| {model} | {name} | retain90, weight decay {DECAYS[0]} | {distance} | {quality.unlearned:.3g} |"
        f" {utility.unlearned:.4f} (original {utility.original:.4f}) | {found.outcome} |"
    )
    return distance, quality.unlearned
