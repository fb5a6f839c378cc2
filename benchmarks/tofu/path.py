"""The whole product on real data: TOFU (Maini et al. 2024), one author erased with NPO and judged as proposed.

    make bench-tofu-path DATA=FOLDER      FOLDER holds TOFU's full.json and *_perturbed.json files

It can be resumed: everything is stored under var/bench/tofu-path, including trained models.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from compliance.local.stack import LocalStack
from demo.casework import DemoRequest, Method, Officers, erase, export_and_verify, watch_job
from demo.http import Browser, PageError
from demo.site import seed_accounts
from demo.walk import confirm_address, submit_erasure

from .corpus import AUTHOR, AUTHOR_ROWS, PROBES, RECIPE, write_corpus

VAR = Path(__file__).resolve().parents[2] / "var" / "bench" / "tofu-path"
ADDRESS = "basil@example.org"
CORPUS, MODEL = "tofu", "tofu-model"
METHODS: tuple[Method, ...] = (("npo", {}),)
SHOWN = {"forget_quality", "model_utility"}


def run(data: Path) -> None:
    """Run the path and print its table."""
    clock: dict[str, float] = {}
    VAR.mkdir(parents=True, exist_ok=True)

    def stage(name: str) -> AbstractContextManager[None]:
        return timed(clock, name)

    with LocalStack(VAR) as stack:
        officers = Officers(stack, seed_accounts(stack))
        with stage("register"):
            register(stack, data)
        with stage("train"):
            training = train(stack, officers)
        with stage("submit and confirm"):
            claimant = Browser(stack.url)
            reference = submit_erasure(claimant, AUTHOR, ADDRESS)
            confirm_address(claimant, stack, ADDRESS)
        outcome = erase(stack, officers, reference, METHODS, stage=stage)
        with stage("export and verify"):
            export_and_verify(stack, reference, VAR / "evidence" / reference)
        show(outcome, training, clock)


@contextmanager
def timed(clock: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    print(f"{name} ...", flush=True)
    yield
    clock[name] = time.monotonic() - start


def register(stack: LocalStack, data: Path) -> None:
    """Register TOFU's full split as one JSON lines file, with paraphrased and perturbed answers if TOFU has them."""
    path = VAR / "tofu.jsonl"
    if path.exists():
        return
    write_corpus(data, path)
    sets = [f"--set={name}={data / file}" for name, file in PROBES.items()]
    try:
        print(stack.manage("corpus_register", CORPUS, str(path), *sets).strip())
    except BaseException:
        path.unlink()
        raise


def train(stack: LocalStack, officers: Officers) -> dict[str, float]:
    """Train the model as a job, and return what the job measured on the training answers."""
    marker = VAR / "model-job"
    if not marker.exists():
        output = stack.manage("model_register", MODEL, "--recipe", str(RECIPE), "--corpus", CORPUS)
        marker.write_text(output.split()[1], encoding="utf-8")
    job = int(marker.read_text(encoding="utf-8"))
    if watch_job(officers.omar, job) != "completed":
        message = f"The model was not trained; see {VAR / 'logs' / 'worker-jobs.log'}."
        raise PageError(message)
    result = json.loads(next((VAR / "artefacts" / "jobs" / str(job)).glob("*/result.json")).read_bytes())
    metrics: dict[str, float] = result["training_metrics"]
    return metrics


def show(outcome: DemoRequest, training: dict[str, float], clock: dict[str, float]) -> None:
    attempt = outcome.attempts[-1]
    evaluation = attempt.evaluation
    rows = [
        ("exact memorisation of the training answers", f"{training['exact_memorization']:.3f}"),
        (f"matched rows of the author's {len(AUTHOR_ROWS)}", str(len(set(outcome.example_ids) & AUTHOR_ROWS))),
        ("matched rows in all", str(len(outcome.example_ids))),
    ]
    rows += [(f"{m['name']} ({m['examples']})", metric_words(m)) for m in evaluation["metrics"] if m["name"] in SHOWN]
    rows += [(f["estimand"]["name"], estimand_words(f)) for f in evaluation["estimands"]]
    verdict = evaluation["verdict"]
    rows.append(("verdict", " ".join(filter(None, (verdict["outcome"], verdict["direction"])))))
    rows += [("", reason["sentence"]) for reason in verdict["reasons"]]
    rows.append(("evidence", "verified"))
    rows += [(f"seconds: {name}", f"{seconds:.0f}") for name, seconds in clock.items()]
    rows += [(f"seconds in the job: {name}", f"{seconds:.0f}") for name, seconds in attempt.seconds.items()]
    width = max(len(name) for name, _ in rows)
    print("\n" + "\n".join(f"{name:{width}}  {text}" for name, text in rows))


def metric_words(metric: dict[str, Any]) -> str:
    oracles = metric["oracles"]
    spread = f", oracles {min(oracles):.3g} to {max(oracles):.3g}" if oracles else ""
    return f"{metric['unlearned']:.3g} (original {metric['original']:.3g}{spread}) {metric['note']}"


def estimand_words(finding: dict[str, Any]) -> str:
    return f"{finding['estimate']:+.3f} [{finding['low']:+.3f}, {finding['high']:+.3f}] {finding['position']}"
