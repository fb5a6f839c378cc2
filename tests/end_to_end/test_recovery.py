"""Processes die at the worst moment: the job ends once, completed, and the record says what happened."""

from __future__ import annotations

import json
import os
import signal
from itertools import count

import pytest

from .installation import RECIPE, Installation, is_alive, wait_until

pytestmark = pytest.mark.stack
numbers = count(1)
CORPUS = "sums"
FINAL = {"completed", "failed", "cancelled"}


@pytest.fixture(scope="module", autouse=True)
def sums(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A corpus of its own: models trained on the demo corpus would become items of the other tests' requests."""
    rows = [
        {"question": f"What is {a} plus {b}?", "answer": f"It is {a + b}.", "split": "held_out" if b == 0 else "train"}
        for a in range(15)
        for b in range(10)
    ]
    path = tmp_path_factory.mktemp("corpus") / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    installation.stack.manage("corpus_register", CORPUS, str(path))


def training(installation: Installation, *, epochs: int = 24) -> tuple[int, str]:
    """Queues a training that takes some seconds; returns the job's number and the record's subject."""
    number = next(numbers)
    name = f"model-{number}"
    # A seed of its own: a cached model would take no time at all.
    return installation.train(name, CORPUS, {**RECIPE, "epochs": epochs}, seed=1000 + number), f"model:{name}"


def under_way(installation: Installation, job: int) -> int:
    """Waits until the job's process trains; returns its process id."""

    def trains() -> int | None:
        ((stage, done),) = installation.query("SELECT stage, done FROM unlearning_jobs_job WHERE id = %s", job)
        return installation.engine_pid() if stage == "train" and done > 0 else None

    return wait_until("the training", trains)


def ends_completed(installation: Installation, job: int) -> None:
    wait_until("the end of the job", lambda: installation.job_state(job) in FINAL, seconds=240)
    assert installation.job_state(job) == "completed"


def test_a_killed_job_process_is_run_again_and_the_job_completes_once(installation: Installation) -> None:
    job, subject = training(installation)
    os.kill(under_way(installation, job), signal.SIGKILL)

    ends_completed(installation, job)
    assert installation.runs(job) == ["killed", "completed"]
    recorded = installation.recorded(subject)
    assert recorded.count("job.started") == 2
    assert recorded.count("job.run_ended") == 2
    assert recorded.count("job.completed") == 1


def test_a_killed_worker_takes_its_job_process_along_and_the_job_completes_once(installation: Installation) -> None:
    job, subject = training(installation)
    engine = under_way(installation, job)
    os.kill(installation.stack.pid("worker-jobs"), signal.SIGKILL)

    wait_until("the end of the orphaned job process", lambda: not is_alive(engine))
    ends_completed(installation, job)
    assert installation.runs(job) == ["lost", "completed"]
    recorded = installation.recorded(subject)
    assert recorded.count("job.started") == 2
    assert recorded.count("job.completed") == 1


def test_a_queued_job_survives_the_death_of_redis(installation: Installation) -> None:
    first, _ = training(installation, epochs=48)
    second, _ = training(installation, epochs=4)
    under_way(installation, first)
    assert installation.job_state(second) == "queued"
    os.kill(installation.stack.pid("redis"), signal.SIGKILL)

    ends_completed(installation, first)
    ends_completed(installation, second)
    assert installation.runs(second) == ["completed"]


def test_the_loss_of_every_message_delays_a_job_and_loses_nothing(installation: Installation) -> None:
    first, first_subject = training(installation, epochs=48)
    second, second_subject = training(installation, epochs=4)
    under_way(installation, first)
    # Redis loses its disk: nothing of the queue is left.
    os.kill(installation.stack.pid("redis"), signal.SIGSTOP)
    for file in (installation.stack.var / "redis").rglob("*.aof"):
        file.unlink()
    os.kill(installation.stack.pid("redis"), signal.SIGKILL)

    ends_completed(installation, first)
    ends_completed(installation, second)
    assert installation.runs(second) == ["completed"]
    for subject in (first_subject, second_subject):
        assert installation.recorded(subject).count("job.completed") == 1


def test_a_cancelled_job_stops_its_process_and_leaves_no_model(installation: Installation) -> None:
    job, subject = training(installation, epochs=10_000)
    engine = under_way(installation, job)
    officer = installation.sign_in("omar")
    page = officer.get(f"/jobs/{job}/cancel/")
    officer.send(page, page.form_to("/cancel/"))

    wait_until("the end of the job", lambda: installation.job_state(job) == "cancelled")
    assert not is_alive(engine)
    assert installation.query("SELECT 1 FROM unlearning_jobs_modelversion WHERE name = %s", subject[6:]) == []
