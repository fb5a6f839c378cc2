"""Runs every method for language models on TOFU's forget01, forget05 and forget10, as jobs, and prints a table.

    make bench-lm DATA=FOLDER      FOLDER holds TOFU's full.json and *_perturbed.json files

The model and its corpus are those of `make bench-tofu-path`: sixty authors of retain90 are held out, which TOFU itself does
not do. Three models are unlearned in each job; each is compared with an oracle of its own, and two more oracles watch these
pairs. Exact methods, whose result is compared once, have four independent oracles. The production model and all oracles are
attacked. Methods have their default settings unless a variant says otherwise; defaults were chosen on other models than
these, and those of the variants on models with seeds that take no part here (`tuning.py`).

It can be resumed: jobs and trained models are stored under var/bench/language-models. With JOBS=N, it stops after N jobs;
with SPLIT=NAME it runs one split alone; with ONLY=NAME,NAME it runs these variants alone, in this order.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.tofu.corpus import RECIPE, tofu_snapshot
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, Progress, Protocol, Recipe, SnapshotRef
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.pipeline import run as run_job

from .remembered import remembered
from .table import print_table
from .variants import VARIANTS, Variant

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "language-models"
ROWS: Final = 4000
SPLITS: Final[Mapping[str, int]] = {"forget05": 200, "forget01": 40, "forget10": 400}
"""Rows at the end of TOFU that are to be forgotten. The split that the verdict is about comes first."""
SEED: Final = 1
TUNED: Final = (11, 211, 212)
"""Seeds of the models that settings were chosen on."""
REPLICATES: Final = (2, 3)
ORACLES: Final = (101, 102, 103, 104)
WATCHERS: Final = 2
"""Independent oracles beside the pairs."""
ATTACKS: Final = ("quantized_4",)
RELEARNING: Final = 20
"""Steps on a tenth of the forget examples."""


def run(data: Path) -> None:
    """Run the jobs that have no result yet, and print the table."""
    snapshot = tofu_snapshot(data, VAR)
    left, asked = int(os.environ.get("JOBS", "1000000")), os.environ.get("SPLIT")
    variants = _asked_variants()
    with remembered():
        for split in (asked,) if asked else SPLITS:
            for variant in variants:
                out = VAR / split / variant.name
                if (out / "result.json").exists() or (out / "refused.txt").exists() or left <= 0:
                    continue
                left -= 1
                print(f"{split} {variant.name} ...", flush=True)
                _run(_spec(snapshot, split, variant), out)
    print_table(VAR, tuple(SPLITS), VARIANTS, _recipe().epochs)


def _asked_variants() -> Sequence[Variant]:
    """Return the variants that ONLY names, or all. Ends the process for a name that no variant has."""
    named = {variant.name: variant for variant in VARIANTS}
    asked = [name for name in os.environ.get("ONLY", "").split(",") if name]
    unknown = [name for name in asked if name not in named]
    if unknown:
        sys.exit(f"no variant is called {', '.join(unknown)}; there are {', '.join(named)}")
    return [named[name] for name in asked] or VARIANTS


def _run(spec: JobSpec, out: Path) -> None:
    """Run a job. What a method refuses, or breaks at, is a finding, too."""
    try:
        run_job(spec, out, _quiet)
    except EngineError as error:
        out.mkdir(parents=True, exist_ok=True)
        (out / "refused.txt").write_text(f"{error.code}: {error}", encoding="utf-8")
    (out / "model" / "model.safetensors").unlink(missing_ok=True)  # only numbers are kept


def _quiet(_progress: Progress) -> None:
    """Show nothing: a job takes a minute."""


def _spec(snapshot: Snapshot, split: str, variant: Variant) -> JobSpec:
    if variant.method == "retrain":
        protocol = Protocol((), ORACLES, attacks=ATTACKS, relearning=RELEARNING, tuning_seeds=TUNED)
    else:
        protocol = Protocol(
            REPLICATES, ORACLES[:WATCHERS], design="paired", attacks=ATTACKS, relearning=RELEARNING, tuning_seeds=TUNED
        )
    return JobSpec(
        kind="unlearn",
        reference=f"{split}-{variant.name}",
        snapshot=SnapshotRef(snapshot.info.path, snapshot.info.digest),
        recipe=_recipe(),
        seed=SEED,
        cache=str(VAR / "cache"),
        forget_ids=tuple(f"e{number:08d}" for number in range(ROWS - SPLITS[split], ROWS)),
        method=MethodChoice(variant.method, variant.config),
        protocol=protocol,
    )


def _recipe() -> Recipe:
    return Recipe.from_json(json.loads(RECIPE.read_text(encoding="utf-8")))
