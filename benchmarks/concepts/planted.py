"""Edits each of five planted concepts out of a small model by every method, and compares with models that never learned it.

    make bench-concepts

The world is that of `engine example concept`: five figures with a town, a trade and a companion each. An original learns all
of them; five oracles were trained by the same recipe without the texts about one. Options are the defaults, chosen
on the first figure and the first seed. With SEEDS=1,2 more originals are trained.

It can be resumed: results and trained models are stored under var/bench/concepts.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.catalogue import CONCEPT_METHODS
from unlearning_jobs.engine.concepts.findings import EDITED, ORACLE, ORIGINAL, ConceptFinding
from unlearning_jobs.engine.concepts.measured import Measured
from unlearning_jobs.engine.concepts.run import ConceptResult, run_concept
from unlearning_jobs.engine.concepts.world import FIGURES, Figure, planted_world
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.errors import EngineError

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "concepts"
ORACLE_SEEDS: Final = 10
"""An oracle's seed is its original's plus this: the figures that it knows are learned from other weights."""
COUNTED: Final = {
    "probes that it saw": ("efficacy", "method"),
    "audit": ("generalisation", "audit"),
    "drawn": ("extraction", "audit"),
    "relearned": ("relearning", "audit"),
    "lens": ("logit lens", "audit"),
    "neighbours": ("specificity", "watched"),
}
"""Columns of answers that are still given, by name and side in a finding."""
HEAD: Final = ("", *COUNTED, "loss on other texts rose by", "distance to the oracle", "outcomes")


def run(_data: Path) -> None:
    """Run the jobs that have no result yet, and print a table."""
    seeds = [int(seed) for seed in os.environ.get("SEEDS", "1").split(",")]
    for seed in seeds:
        for figure in FIGURES:
            for method in CONCEPT_METHODS:
                _run(figure, method, seed)
    print(f"\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    print(_line("oracle", [_as_oracle(_read(figure, "nothing", seed)) for seed in seeds for figure in FIGURES]))
    for method in CONCEPT_METHODS:
        print(_line(f"`{method}`", [_read(figure, method, seed) for seed in seeds for figure in FIGURES]))


def _run(figure: Figure, method: str, seed: int) -> None:
    out = _out(figure, method, seed)
    if (out / "result.json").exists() or (out / "refused.txt").exists():
        return
    print(f"{out.relative_to(VAR)} ...", flush=True)
    spec = replace(
        planted_world(VAR / "world", target=figure),
        seed=seed,
        oracle_seed=seed + ORACLE_SEEDS,
        methods=(MethodChoice(method),),
    )
    try:
        run_concept(spec, out, lambda _: None)
    except EngineError as error:
        out.mkdir(parents=True, exist_ok=True)
        (out / "refused.txt").write_text(f"{error.code}: {error}", encoding="utf-8")
    shutil.rmtree(out / method, ignore_errors=True)  # only numbers are kept


def _out(figure: Figure, method: str, seed: int) -> Path:
    return VAR / f"seed-{seed}" / figure.name / method


def _read(figure: Figure, method: str, seed: int) -> Measured | str:
    out = _out(figure, method, seed)
    if (out / "refused.txt").exists():
        return (out / "refused.txt").read_text(encoding="utf-8")
    [made] = ConceptResult.from_json(json.loads((out / "result.json").read_bytes())).methods
    return made.measured


def _as_oracle(measured: Measured | str) -> Measured | str:
    """Return what is said of the oracle beside an unchanged model: its own shares, as if it were the edited one."""
    if isinstance(measured, str):
        return measured
    shares = tuple(replace(share, count=round((share.oracle or 0.0) * share.total)) for share in measured.finding.shares)
    rose = float(np.mean(measured.losses[ORACLE]) - np.mean(measured.losses[ORIGINAL]))
    rows = tuple(replace(row, answers={**row.answers, EDITED: row.answers[ORACLE]}) for row in measured.rows)
    utility = replace(measured.finding.utility, rose=rose)
    return replace(measured, finding=replace(measured.finding, shares=shares, utility=utility), rows=rows)


def _line(name: str, measured: Sequence[Measured | str]) -> str:
    done = [one for one in measured if isinstance(one, Measured)]
    refused = [one.split(":")[0] for one in measured if isinstance(one, str)]
    if not done:
        return f"| {name} | {', '.join(sorted(set(refused)))} |" + " |" * (len(HEAD) - 2)
    cells = [*_shares([one.finding for one in done])]
    cells.append(f"{np.mean([one.finding.utility.rose for one in done]):.2f}")
    cells.append(f"{np.mean([_distance(one) for one in done]):.2f}")
    outcomes = Counter([*(one.finding.outcome for one in done), *refused]) if name != "oracle" else {}
    cells.append(", ".join(f"{outcome} {count}" for outcome, count in outcomes.items()))
    return f"| {name} | {' | '.join(cells)} |"


def _shares(findings: Sequence[ConceptFinding]) -> Iterator[str]:
    """Yield the shares of all concepts together."""
    for name, of in COUNTED.values():
        found = [share for one in findings for share in one.shares if (share.name, share.of) == (name, of)]
        yield f"{sum(share.count for share in found)} of {sum(share.total for share in found)}" if found else ""


def _distance(measured: Measured) -> float:
    """Return how far the answers to the audit's probes are from the oracle's, in nats per token, on average."""
    gaps = [
        abs(row.answers[EDITED].log_probability - row.answers[ORACLE].log_probability)
        for row in measured.rows
        if row.side == "audit"
    ]
    return float(np.mean(gaps))
