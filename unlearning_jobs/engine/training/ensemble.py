"""Many models of one recipe at once: stacked where the architecture allows it, else in processes side by side on a CPU.

A small model gains little from a second core, two small models gain nearly all of it. The processes put their models into
the cache and report back over a pipe each; no lock is shared, so a process that is killed takes nothing along. Whatever
is not done ahead, the caller trains when it asks for it, and meets the error there.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import cast

import torch

from unlearning_jobs.engine.errors import EngineError

from .cache import Trainer
from .device import memory_available, memory_needed
from .vectorised import Wanted, can_be_vectorised, train_together

PROCESS_BYTES = 2**29
"""What Python and torch take by themselves, measured on Linux and rounded up."""
WORTH_STARTING = 5e9
"""Parameters x examples x epochs, over all models, that take half a minute on two cores: starting a process takes
seconds."""

ModelCallback = Callable[[int, int, int], None]
"""Called with a model's place among those wanted, steps done, and steps in total."""


def is_worthwhile(trainer: Trainer, wanted: Sequence[Wanted]) -> bool:
    """Whether training these models ahead of their use is quicker than one by one."""
    return can_be_vectorised(trainer.training_data) or processes_worthwhile(trainer, wanted) > 1


def train_ensemble(trainer: Trainer, wanted: Sequence[Wanted], on_model: ModelCallback) -> None:
    """Train the models that are not cached yet into the cache, in the quickest way. A model that fails is left out."""
    if can_be_vectorised(trainer.training_data):
        train_stacked(trainer, wanted, on_model)
    else:
        train_in_processes(trainer, wanted, on_model, processes=processes_worthwhile(trainer, wanted))


def train_stacked(trainer: Trainer, wanted: Sequence[Wanted], on_model: ModelCallback) -> None:
    """Train in one loop the missing models that have as many training examples, as many at once as fit into memory."""
    training_data = trainer.training_data
    alike: dict[int, list[int]] = defaultdict(list)
    for place, (exclude_ids, seed) in enumerate(wanted):
        if not trainer.has(exclude_ids, seed):
            alike[len(training_data.positions(exclude_ids))].append(place)
    most = max(1, memory_available(trainer.device) // (2 * memory_needed(training_data.footprint)))
    for places in alike.values():
        for part in (places[i : i + most] for i in range(0, len(places), most)):

            def report(done: int, total: int, part: Sequence[int] = part) -> None:
                for place in part:
                    on_model(place, done, total)

            models = [wanted[place] for place in part]
            with contextlib.suppress(EngineError):  # the caller meets it when it asks for this model
                for made, (exclude_ids, seed) in zip(
                    train_together(training_data, models, device=trainer.device, on_step=report), models, strict=True
                ):
                    trainer.keep(made, exclude_ids, seed)


def processes_worthwhile(trainer: Trainer, wanted: Sequence[Wanted]) -> int:
    """How many processes should train these models: 1 on an accelerator, for little work, or where memory is short."""
    training_data = trainer.training_data
    size, examples = training_data.footprint, training_data.snapshot.info.counts.get("train", 0)
    work = size.parameters * examples * training_data.recipe.epochs * len(wanted)
    if trainer.device.type != "cpu" or work < WORTH_STARTING:
        return 1
    fitting = memory_available(trainer.device) // (memory_needed(size) + PROCESS_BYTES)
    return max(1, min(len(wanted), torch.get_num_threads(), fitting))


def train_in_processes(trainer: Trainer, wanted: Sequence[Wanted], on_model: ModelCallback, *, processes: int) -> None:
    """Train the models that are not cached yet, so many at a time, into the cache. A model that fails is left out.

    The processes end with this one: the next report of a process whose parent is gone fails.
    """
    missing = [(place, *model) for place, model in enumerate(wanted) if not trainer.has(*model)]
    context = get_context("spawn")  # a fork would copy the locks of torch's threads
    threads = max(1, torch.get_num_threads() // processes)
    workers, receivers = [], []
    for share in filter(None, (missing[k::processes] for k in range(processes))):
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_train_share, args=(share, trainer, threads, sender), daemon=True)
        worker.start()
        sender.close()  # the worker's copy is then the only one, and the pipe ends with the worker
        workers.append(worker)
        receivers.append(receiver)
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


def _train_share(
    share: Sequence[tuple[int, Collection[str], int]], trainer: Trainer, threads: int, sender: Connection
) -> None:
    torch.set_num_threads(threads)
    with contextlib.suppress(BrokenPipeError):  # the job's process is gone, and nobody waits for these models
        for place, exclude_ids, seed in share:

            def report(done: int, total: int, _loss: float, place: int = place) -> None:
                sender.send((place, done, total))

            with contextlib.suppress(EngineError):  # the caller meets it when it asks for this model
                trainer.obtain(exclude_ids, seed, report)
