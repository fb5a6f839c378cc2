"""Models trained side by side, in processes of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from multiprocessing import active_children, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from tests.end_to_end.installation import is_alive, wait_until
from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import LlamaArchitecture, Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.training import ensemble
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.ensemble import devices_of, processes_worthwhile, train_in_processes
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun

RUNS = [TrainingRun((), 1), TrainingRun(("e00000000",), 2), TrainingRun(("e00000000",), 3)]


@pytest.fixture
def fresh(snapshot: Snapshot, recipe: Recipe, tmp_path: Path) -> Trainer:
    return Trainer(TrainingData.prepare(replace(recipe, epochs=2), snapshot), tmp_path / "cache", torch.device("cpu"))


def steps_to_obtain(trainer: Trainer, exclude: Collection[str], seed: int) -> int:
    """1 for a model that is in the cache."""
    steps: list[int] = []
    trainer.obtain(exclude, seed, lambda done, _total, _loss: steps.append(done))
    return steps[-1]


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """The number of torch's threads: as many as the test's parameter says."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_what_is_missing_is_trained_into_the_cache_and_is_what_this_process_would_have_trained(
    fresh: Trainer, tmp_path: Path
) -> None:
    fresh.obtain(*RUNS[1][:2], lambda *_: None)
    seen: dict[int, tuple[int, int]] = {}
    train_in_processes(fresh, RUNS, lambda place, done, total: seen.__setitem__(place, (done, total)), processes=2)

    assert seen == {0: (4, 4), 2: (4, 4)}, "the cached one is not trained again"
    assert [steps_to_obtain(fresh, *model[:2]) for model in RUNS] == [1, 1, 1]
    together = fresh.obtain(*RUNS[2][:2], lambda *_: None)
    alone = replace(fresh, cache=tmp_path / "alone").obtain(*RUNS[2][:2], lambda *_: None)
    pairs = zip(alone.network.parameters(), together.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_model_that_cannot_be_trained_is_left_to_the_caller_who_meets_the_error(fresh: Trainer) -> None:
    diverging = with_recipe(fresh, learning_rate=1e30)
    train_in_processes(diverging, RUNS[:2], lambda *_: None, processes=1)
    assert not diverging.has(*RUNS[0])
    with pytest.raises(TrainingDivergedError):
        diverging.obtain(*RUNS[0][:2], lambda *_: None)


def test_a_killed_process_takes_only_its_own_models_along(fresh: Trainer) -> None:
    trainer = with_recipe(fresh, epochs=40)
    killed: list[int] = []

    def kill_the_first(place: int, _done: int, _total: int) -> None:
        if place == 0 and not killed:
            killed.append(place)
            min(active_children(), key=lambda child: child.pid or 0).kill()

    train_in_processes(trainer, RUNS[:2], kill_the_first, processes=2)
    assert killed
    assert [trainer.has(*model) for model in RUNS[:2]] == [False, True]


def _train_and_tell_who_works(trainer: Trainer, sender: Connection) -> None:
    def tell(*_: int) -> None:
        sender.send([child.pid for child in active_children()])

    train_in_processes(trainer, RUNS[:2], tell, processes=2)


def test_the_processes_end_when_the_jobs_process_is_killed(fresh: Trainer) -> None:
    trainer = with_recipe(fresh, epochs=100_000)
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    job = context.Process(target=_train_and_tell_who_works, args=(trainer, sender))
    job.start()
    workers = receiver.recv()
    job.kill()
    job.join()

    wait_until("the end of the workers", lambda: not any(map(is_alive, workers)), seconds=60)
    assert len(workers) == 2


@pytest.mark.parametrize("threads", [1, 2, 8], indirect=True)
def test_small_work_stays_in_one_process_and_large_work_takes_a_thread_each(fresh: Trainer, threads: int) -> None:
    large = with_recipe(fresh, epochs=100_000)
    assert processes_worthwhile(fresh, RUNS) == 1
    assert processes_worthwhile(large, RUNS) == min(3, threads)
    assert processes_worthwhile(large, RUNS[:1]) == 1


@pytest.mark.parametrize(("device", "found", "used"), [("cuda", 2, 2), ("cuda", 8, 3), ("cuda", 1, 1), ("cuda:1", 8, 1)])
def test_each_gpu_trains_models_of_its_own_unless_the_job_names_one(
    fresh: Trainer, monkeypatch: pytest.MonkeyPatch, device: str, found: int, used: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)
    large = replace(with_recipe(fresh, epochs=100_000_000), device=torch.device(device))
    assert processes_worthwhile(large, RUNS) == used
    assert processes_worthwhile(replace(fresh, device=torch.device(device)), RUNS) == 1, "little work"
    named = [torch.device(device)] if device == "cuda:1" else [torch.device("cuda", number) for number in range(found)]
    assert devices_of(large) == named


def test_processes_take_the_devices_in_turns(fresh: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "devices_of", lambda _: [torch.device("cpu"), torch.device("meta")])
    train_in_processes(fresh, RUNS, lambda *_: None, processes=2)
    assert [fresh.has(*run) for run in RUNS] == [True, False, True], "no model can be trained on the second one"


def test_no_more_processes_are_started_than_fit_into_memory(fresh: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "memory_available", lambda _: 5 * 2**30)
    wide = LlamaArchitecture(hidden_size=4096, layers=1, heads=2, intermediate_size=4096, max_length=96)
    large = with_recipe(fresh, epochs=100_000, architecture=wide)
    assert processes_worthwhile(large, RUNS) == 1
