"""The whole product on real data: TOFU (Maini et al. 2024), one author erased with NPO and judged against 8 oracles.

    make bench-tofu-path DATA=FOLDER      FOLDER holds TOFU's full.json, *_perturbed.json files

Resumable: everything lies under var/bench/tofu-path, and trained models are cached there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.casework import Officers, erase, job_wait

from compliance.local.stack import LocalStack
from demo.http import Browser
from demo.site import seed_accounts
from demo.walk import confirm_address, submit_name

VAR = Path(__file__).resolve().parents[1] / "var" / "bench" / "tofu-path"
RECIPE = Path(__file__).with_name("tofu_recipe.json")
AUTHOR, ADDRESS = "Basil Mahfouz Al-Kuwaiti", "basil@example.org"
AUTHOR_ROWS = 20
HELD_OUT = range(3400, 3600)
"""The last ten authors of retain90. TOFU has no held-out set of its own."""
CORPUS, MODEL = "tofu", "tofu-model"
PROBES = {"real_authors": "real_authors_perturbed.json", "world_facts": "world_facts_perturbed.json"}
PERTURBED = ("retain_perturbed", "forget10_perturbed", "forget05_perturbed", "forget01_perturbed")
METHOD = ("npo", {})


def run(data: Path) -> None:
    """Runs the path and prints its table."""
    clock: dict[str, float] = {}
    VAR.mkdir(parents=True, exist_ok=True)
    with LocalStack(VAR) as stack:
        officers = Officers(stack, seed_accounts(stack))
        with timed(clock, "register"):
            register(stack, data)
        with timed(clock, "train"):
            training = train(stack, officers)
        with timed(clock, "submit and confirm"):
            claimant = Browser(stack.url)
            reference = submit_name(claimant, AUTHOR, ADDRESS)
            confirm_address(claimant, stack, ADDRESS)
        outcome = erase(stack, officers, reference, methods=[METHOD], release=False, clock=clock)
        with timed(clock, "export and verify"):
            verified = outcome.export_and_verify(stack, VAR / "evidence" / reference)
        show(outcome, training, verified, clock)


@contextmanager
def timed(clock: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"{name} ...", flush=True)
    yield
    clock[name] = time.monotonic() - began


def register(stack: LocalStack, data: Path) -> None:
    """TOFU's full split with paraphrased and perturbed answers where TOFU has them, as one JSON lines file."""
    path = VAR / "tofu.jsonl"
    if path.exists():
        return
    extras = {row["question"]: row for name in PERTURBED for row in read(data / f"{name}.json")}
    rows = []
    for number, row in enumerate(read(data / "full.json")):
        extra = extras.get(row["question"], {})
        row |= {key: extra[key] for key in ("paraphrased_answer", "perturbed_answer") if key in extra}
        rows.append(row | {"split": "held_out" if number in HELD_OUT else "train"})
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    sets = [f"--set={name}={data / file}" for name, file in PROBES.items()]
    try:
        print(stack.manage("corpus_register", CORPUS, str(path), *sets).strip())
    except BaseException:
        path.unlink()
        raise


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train(stack: LocalStack, officers: Officers) -> dict[str, float]:
    """Trains the model as a job; returns what the job measured on the training answers."""
    marker = VAR / "model-job"
    if not marker.exists():
        printed = stack.manage("model_register", MODEL, "--recipe", str(RECIPE), "--corpus", CORPUS)
        marker.write_text(printed.split()[1], encoding="utf-8")
    job = int(marker.read_text(encoding="utf-8"))
    job_wait(officers.omar, job)
    result = json.loads(next((VAR / "artefacts" / "jobs" / str(job)).glob("attempt-*/result.json")).read_bytes())
    metrics: dict[str, float] = result["training_metrics"]
    return metrics


def show(outcome: Any, training: dict[str, float], verified: bool, clock: dict[str, float]) -> None:
    attempt = outcome.attempts[-1]
    metrics = {(m["name"], m["examples"]): m for m in attempt.evaluation["metrics"]}
    print()
    rows = [
        ("exact memorisation of the training answers", f"{training['exact_memorization']:.3f}"),
        (f"matched rows of the author's {AUTHOR_ROWS}", f"{outcome.accepted_of(AUTHOR_ROWS)}"),
    ]
    for name, examples in (("forget_quality", "forget"), ("model_utility", "utility")):
        found = metrics.get((name, examples)) or next(m for (n, _), m in metrics.items() if n == name)
        oracles = found["oracles"]
        spread = f"{min(oracles):.3g} to {max(oracles):.3g}" if oracles else "-"
        rows.append((name, f"{found['unlearned']:.3g} (original {found['original']:.3g}, oracles {spread}) {found['note']}"))
    for finding in attempt.evaluation["estimands"]:
        text = f"{finding['estimate']:+.3f} [{finding['low']:+.3f}, {finding['high']:+.3f}] {finding['position']}"
        rows.append((finding["estimand"]["name"], text))
    rows.append(("verdict", f"{attempt.verdict} ({attempt.evaluation['verdict']['direction'] or 'no direction'})"))
    rows.append(("evidence verifies", "yes" if verified else "NO"))
    rows += [(f"seconds: {stage}", f"{seconds:.0f}") for stage, seconds in clock.items()]
    rows += [(f"seconds: job, {stage}", f"{seconds:.0f}") for stage, seconds in attempt.seconds.items()]
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"{name:{width}}  {text}")
