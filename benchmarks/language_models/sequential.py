"""Erases one author of TOFU after another from the same model, and says how each verdict and the utility develop.

    make bench-lm-sequential DATA=FOLDER      FOLDER holds TOFU's full.json and *_perturbed.json files

A model that unlearned is the one that the next request meets. Each of the requests is about one author, twenty rows; the
oracles of the third request never saw the first three authors. The model is smaller than that of `make bench-lm`, and so is
its corpus: 31 authors, of whom six leave, and ten that no model is trained on.

It can be resumed: jobs and trained models are stored under var/bench/language-models-sequential.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.tofu.corpus import write_corpus
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import (
    JobSpec,
    LlamaArchitecture,
    MethodChoice,
    ModelRef,
    Progress,
    Protocol,
    Recipe,
    SnapshotRef,
    UnlearningStep,
)
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.pipeline import run as run_job

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "language-models-sequential"
AUTHOR: Final = 20
"""Rows of an author; they stand one after another."""
STAYING: Final = range(25)
LEAVING: Final = range(180, 186)
HELD_OUT: Final = range(120, 130)
"""Authors, by number."""
RECIPE: Final = Recipe(
    family="causal_lm",
    architecture=LlamaArchitecture(hidden_size=128, layers=1, heads=4, intermediate_size=352, max_length=256),
    vocabulary_size=2000,
    epochs=20,
    batch_size=16,
    learning_rate=4e-3,
)
PROTOCOL: Final = Protocol(replicate_seeds=(2, 3), oracle_seeds=(101, 102, 103, 104))
SEED: Final = 1
HEAD: Final = (
    "| method | request | verdict | location | retain location | retain probability | oracles' |\n"
    "|---|---|---|---|---|---|---|"
)
METHODS: Final[Mapping[str, Mapping[str, Any]]] = {
    "nothing": {},
    "npo": {"steps": 80, "learning_rate_share": 0.2},
    "gradient_difference": {"steps": 80, "learning_rate_share": 0.2},
    "partial_reset": {},
}


def run(data: Path) -> None:
    """Run the jobs that have no result yet, and print the table."""
    snapshot = _snapshot(data)
    print(HEAD)
    for name, config in METHODS.items():
        model: ModelRef | None = None
        for number in range(len(LEAVING)):
            out = VAR / name / str(number + 1)
            if not (out / "result.json").exists():
                run_job(_spec(snapshot, MethodChoice(name, config), number, model), out, _quiet)
            model = ModelRef(str(out / "model"), model_digest(out / "model"))
            print(_line(name, number + 1, json.loads((out / "result.json").read_bytes())), flush=True)


def _snapshot(data: Path) -> Snapshot:
    folder = VAR / "snapshot"
    if not folder.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        write_corpus(data, VAR / "all.jsonl")
        lines = (VAR / "all.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [
            json.loads(lines[row]) | {"split": "held_out" if author in HELD_OUT else "train"}
            for author in (*STAYING, *LEAVING, *HELD_OUT)
            for row in range(AUTHOR * author, AUTHOR * (author + 1))
        ]
        (VAR / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        snapshot_create([VAR / "rows.jsonl"], folder)
    return Snapshot.open(folder)


def _spec(snapshot: Snapshot, method: MethodChoice, number: int, model: ModelRef | None) -> JobSpec:
    """Return the job of a request, counted from 0, on what the requests before it left."""
    steps = [UnlearningStep(method, _rows(len(STAYING) + i)) for i in range(number + 1)]
    return JobSpec(
        kind="unlearn",
        reference=f"{method.name}-{number + 1}",
        snapshot=SnapshotRef(snapshot.info.path, snapshot.info.digest),
        recipe=RECIPE,
        seed=SEED,
        cache=str(VAR / "cache"),
        model=model,
        earlier=tuple(steps[:-1]),
        forget_ids=steps[-1].forget_ids,
        method=method,
        protocol=PROTOCOL,
    )


def _rows(author: int) -> tuple[str, ...]:
    return tuple(f"e{row:08d}" for row in range(AUTHOR * author, AUTHOR * (author + 1)))


def _line(name: str, number: int, result: dict[str, Any]) -> str:
    evaluation = result["evaluation"]
    found = {f["estimand"]["name"]: f for f in evaluation["estimands"] if f.get("scope", "method") == "method"}
    known = next(m for m in evaluation["metrics"] if (m["name"], m["examples"]) == ("probability", "retain"))
    verdict = " ".join(filter(None, (evaluation["verdict"]["outcome"], evaluation["verdict"]["direction"])))
    measured = " | ".join(
        f"{f['estimate']:.2f} [{f['low']:.2f}, {f['high']:.2f}]"
        for f in (found["forget_location"], found["retain_location"])
    )
    oracles = sum(known["oracles"]) / len(known["oracles"])
    return f"| {name} | {number} | {verdict} | {measured} | {known['unlearned']:.3f} | {oracles:.3f} |"


def _quiet(_progress: Progress) -> None:
    """Show nothing: a job takes a minute or two."""
