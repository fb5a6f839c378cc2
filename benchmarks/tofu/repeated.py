"""Erases TOFU's author from five production models, with NPO and with `retrain`, and says what each verdict was.

    make bench-tofu-verdicts DATA=FOLDER      FOLDER holds TOFU's full.json and *_perturbed.json files

The five models have seeds of their own. Each job has the size that the product proposes by itself; its replicates are the
other four models, and its oracles eight of a pool of twelve, in an order of its own. So a model is trained once, and the
jobs are not independent of one another. The first job finds nothing in the cache: its seconds are what a job costs.

NPO lies near the margin on this model, so its jobs are repeated with as many models as decide there (`MORE`), which an
officer can ask for on the page of a proposal, and an installation in its settings.

It can be resumed: jobs and trained models are stored under var/bench/tofu-verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from unlearning_jobs.engine.advisor.design import Sizes, choose_design
from unlearning_jobs.engine.catalogue import method_guarantee
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, Progress, Recipe, SnapshotRef
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.pipeline import run as run_job

from .corpus import AUTHOR_ROWS, RECIPE, tofu_snapshot

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "tofu-verdicts"
REPETITIONS: Final = 5
ORACLES: Final = tuple(range(101, 113))
MORE: Final = Sizes(replicates=19, oracles=12)
JOBS: Final = (("npo", "npo", Sizes()), ("retrain", "retrain", Sizes()), ("npo-more", "npo", MORE))
"""Name, method, and how many models the verdict may use."""


def run(data: Path) -> None:
    """Run the jobs that have no result yet, and print the table."""
    snapshot = tofu_snapshot(data, VAR)
    for name, method, sizes in JOBS:
        for repetition in range(REPETITIONS):
            out = VAR / f"{name}-{repetition + 1}"
            if not (out / "result.json").exists():
                print(f"{out.name} ...", flush=True)
                run_job(_spec(snapshot, method, repetition, sizes), out, _Shown())
    print(f"\n{'job':12} outcome")
    for name, _, _ in JOBS:
        for repetition in range(REPETITIONS):
            result = json.loads((VAR / f"{name}-{repetition + 1}" / "result.json").read_bytes())
            print("\n".join(_lines(f"{name} {repetition + 1}", result)), flush=True)


def _spec(snapshot: Snapshot, method: str, repetition: int, sizes: Sizes) -> JobSpec:
    """Return the job that the product proposes for the production model with the seed `repetition` + 1."""
    recipe = Recipe.from_json(json.loads(RECIPE.read_text(encoding="utf-8")))
    design = choose_design(method_guarantee(method), recipe, sizes=sizes)
    count = max(REPETITIONS, 1 + design.replicates)
    models = [1 + (repetition + i) % count for i in range(count)]
    first = repetition * (design.oracles // 2)  # so that consecutive jobs begin with oracles that the one before had not
    oracles = [ORACLES[(first + i) % len(ORACLES)] for i in range(design.oracles)]
    return JobSpec(
        kind="unlearn",
        reference=f"{method}-{repetition + 1}",
        snapshot=SnapshotRef(snapshot.info.path, snapshot.info.digest),
        recipe=recipe,
        seed=models[0],
        cache=str(VAR / "cache"),
        forget_ids=tuple(sorted(AUTHOR_ROWS)),
        method=MethodChoice(method),
        protocol=design.protocol([*models[1 : 1 + design.replicates], *oracles]),
    )


class _Shown:
    """Prints each stage of a job once."""

    def __init__(self) -> None:
        self.stage = ""

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self.stage:
            self.stage = progress.stage
            print(f"    {self.stage}", flush=True)


def _lines(name: str, result: dict[str, Any]) -> Iterator[str]:
    evaluation = result["evaluation"]
    verdict = evaluation["verdict"]
    yield f"{name:12} {verdict['outcome']} {verdict['direction'] or ''}"
    for check in evaluation.get("process", []):
        yield f"    {check['name']}: {check['sentence']}"
    for finding in evaluation["estimands"]:
        estimand = finding["estimand"]
        yield (
            f"    {estimand['name']:20} {finding.get('scope', 'method'):8} {finding['estimate']:+.3f}"
            f" [{finding['low']:+.3f}, {finding['high']:+.3f}], margin {estimand['margin']:g}: {finding['position']}"
        )
    yield "    seconds: " + ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in result["seconds"].items())
