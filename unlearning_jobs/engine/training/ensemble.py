"""Training many models of one recipe at once: vectorised if the recipe allows it, else in several processes.

A second core hardly speeds up one small model, but nearly doubles the speed of two; so does a second GPU, and each process
has one of its own. The processes put their models into the cache and each reports over a pipe of its own. They share no
lock, so one that is killed blocks none of the others. A model that fails here is left out; the caller trains it when it
needs it, and meets the error there.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Final, cast

import torch

from unlearning_jobs.engine.errors import EngineError

from .cache import Trainer
from .device import memory_available, memory_needed
from .vectorised import TrainingRun, can_be_vectorised, train_vectorised

PROCESS_BYTES = 2**29
"""Memory that Python and torch take by themselves, measured on Linux and rounded up."""
WORTH_STARTING = 5e9
"""Parameters x examples x epochs, over all models. That much work takes half a minute on two cores, and starting a process
takes seconds."""
WORTH_A_DEVICE: Final = 200 * WORTH_STARTING
"""The same for a process with a GPU of its own, which is about as much faster."""

ModelCallback = Callable[[int, int, int], None]
"""Called with the index of a model's run, the steps done, and the steps in total."""


def is_worthwhile(trainer: Trainer, runs: Sequence[TrainingRun]) -> bool:
    """Say whether training these models at once is faster than one by one."""
    return can_be_vectorised(trainer.training_data) or processes_worthwhile(trainer, runs) > 1


def train_ensemble(trainer: Trainer, runs: Sequence[TrainingRun], on_model: ModelCallback) -> None:
    """Train the models that are not in the cache yet into it, in the faster way. A model that fails is left out."""
    if can_be_vectorised(trainer.training_data):
        train_vectorised_into_cache(trainer, runs, on_model)
    else:
        train_in_processes(trainer, runs, on_model, processes=processes_worthwhile(trainer, runs))


def train_vectorised_into_cache(trainer: Trainer, runs: Sequence[TrainingRun], on_model: ModelCallback) -> None:
    """Train the missing models, vectorised, in groups that have the same number of examples and fit into memory."""
    training_data = trainer.training_data
    indices_by_size: dict[int, list[int]] = defaultdict(list)
    for index, run in enumerate(runs):
        if not trainer.has(*run):
            indices_by_size[len(training_data.positions(run.exclude_ids))].append(index)
    most = max(1, memory_available(trainer.device) // (2 * memory_needed(training_data.footprint)))
    for indices in indices_by_size.values():
        for group in (indices[i : i + most] for i in range(0, len(indices), most)):
            with contextlib.suppress(EngineError):  # the caller meets it when it asks for this model
                _train_group(trainer, runs, group, on_model)


def _train_group(trainer: Trainer, runs: Sequence[TrainingRun], group: Sequence[int], on_model: ModelCallback) -> None:
    """Train the models of these indices in one loop."""

    def report(done: int, total: int) -> None:
        for index in group:
            on_model(index, done, total)

    group_runs = [runs[index] for index in group]
    models = train_vectorised(trainer.training_data, group_runs, device=trainer.device, on_step=report)
    for model, run in zip(models, group_runs, strict=True):
        trainer.keep(model, *run)


def processes_worthwhile(trainer: Trainer, runs: Sequence[TrainingRun]) -> int:
    """Return how many processes should train these models: at most one for each thread, or for each GPU.

    That is 1 for little work, if memory is short, or on one accelerator.
    """
    training_data = trainer.training_data
    size, examples = training_data.footprint, training_data.snapshot.info.counts.get("train", 0)
    work = size.parameters * examples * training_data.recipe.epochs * len(runs)
    if trainer.device.type != "cpu":
        return min(len(runs), len(devices_of(trainer))) if work >= WORTH_A_DEVICE else 1
    if work < WORTH_STARTING:
        return 1
    fitting = memory_available(trainer.device) // (memory_needed(size) + PROCESS_BYTES)
    return max(1, min(len(runs), torch.get_num_threads(), fitting))


def devices_of(trainer: Trainer) -> list[torch.device]:
    """Return the devices on which models may be trained side by side: every GPU, unless the job names one by its number."""
    if trainer.device.type == "cuda" and trainer.device.index is None:
        return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return [trainer.device]


def train_in_processes(trainer: Trainer, runs: Sequence[TrainingRun], on_model: ModelCallback, *, processes: int) -> None:
    """Train the models that are not in the cache yet into it, in this many processes. A model that fails is left out.

    The processes end with this one: once their parent is gone, their next report fails.
    """
    missing = [(index, run) for index, run in enumerate(runs) if not trainer.has(*run)]
    context = get_context("spawn")  # a fork would copy the locks of torch's threads
    threads = max(1, torch.get_num_threads() // processes)
    workers, receivers = [], []

    # 1. Start a process for every share of the models, each on the next device.
    shares = list(filter(None, (missing[k::processes] for k in range(processes))))
    for share, device in zip(shares, islice(cycle(devices_of(trainer)), len(shares)), strict=True):
        receiver, sender = context.Pipe(duplex=False)
        there = replace(trainer, device=device)
        worker = context.Process(target=_train_share, args=(share, there, threads, sender), daemon=True)
        worker.start()
        sender.close()  # the worker now has the only copy, so the pipe ends with the worker
        workers.append(worker)
        receivers.append(receiver)

    # 2. Pass on their reports until every pipe has ended.
    try:
        while receivers:
            for receiver in cast("list[Connection]", wait(receivers)):
                try:
                    on_model(*receiver.recv())
                except EOFError:
                    receivers.remove(receiver)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _train_share(share: Sequence[tuple[int, TrainingRun]], trainer: Trainer, threads: int, sender: Connection) -> None:
    torch.set_num_threads(threads)
    with contextlib.suppress(BrokenPipeError):  # the job's process is gone, and nobody waits for these models
        for index, run in share:

            def report(done: int, total: int, _loss: float, index: int = index) -> None:
                sender.send((index, done, total))

            with contextlib.suppress(EngineError):  # the caller meets it when it asks for this model
                trainer.obtain(run.exclude_ids, run.seed, report, run.thinned_from)
