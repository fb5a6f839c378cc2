"""Measures time and peak memory of one unlearning, in a fresh process so that nothing else counts."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Final

import torch

from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.train import train

from .forget_sets import Task
from .measuring import RETRAIN, Trial
from .models import DEVICE, ORIGINALS, BenchmarkSubject, Models
from .results import ResultStore

RUNS: Final = 3
"""The fastest run counts, because other work on the machine only adds to a time."""
CLOCK: Final = time.perf_counter if DEVICE.type == "cuda" else time.process_time
"""On a CPU, CPU time of the process, which has one thread: wall time without waiting for other processes."""
RESET_PEAK: Final = "5"
"""Written to Linux's clear_refs, this resets the peak of the resident memory to its present size (man 5 proc)."""


@dataclass(frozen=True)
class Cost:
    """The cost of one unlearning on one thread."""

    seconds: float
    memory: int | None
    """Peak resident memory in bytes, above that of model and data; None if the system does not report it."""
    device_memory: int | None
    """The same for GPU memory; None without a GPU."""


def cost_of(trial: Trial, method: str) -> Cost:
    """Return the cost of the method, or of `retrain`; it is measured once and stored."""

    def measured() -> dict[str, float | int | None]:
        return asdict(_in_fresh_process(trial, method))

    return Cost(**trial.results.numbers(f"cost-{method}", trial.about_method(method), measured))


def _in_fresh_process(trial: Trial, method: str) -> Cost:
    """Measure in a process forked from a server that has only loaded the libraries; with a GPU, which cannot fork, spawn."""
    context: SpawnContext | ForkServerContext
    if DEVICE.type == "cuda":
        context = get_context("spawn")
    else:
        context = get_context("forkserver")
        context.set_forkserver_preload([__name__])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, trial.models.subject, trial.task, method, trial.models.shared))
    process.start()
    sender.close()
    try:
        cost: Cost = receiver.recv()
    except EOFError:
        message = f"Measuring the cost of {method} failed; see above."
        raise RuntimeError(message) from None
    process.join()
    return cost


def _measure(sender: Connection, subject: BenchmarkSubject, task: Task, method: str, shared: Path) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        sender.send(measure_here(subject, task, method, Path(folder), shared))


def measure_here(subject: BenchmarkSubject, task: Task, method: str, folder: Path, shared: Path | None = None) -> Cost:
    """Measure the cost in this process, without the preparation that the shared folder already holds.

    The original is trained here, so that all libraries are loaded and warm before the first measurement.
    """
    models = Models(subject, task.snapshot, folder, shared)
    trial = Trial(models, task, ResultStore(folder))
    original = models.train_one((), ORIGINALS, lambda *_: None)
    unlearner = make_method(subject.choice(method))
    slices = None if method == RETRAIN else models.slices  # retraining starts without slices

    def run(number: int) -> Callable[[], object]:
        run_slices = _copy(slices, folder / f"slices-{number}")

        def train_one(ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
            return train(models.training_data, ids, seed, device=DEVICE, on_step=on_step, slices=run_slices)

        context = trial.context(ORIGINALS, train_one)
        return lambda: unlearner.unlearn(original, context, lambda _: None)

    memory, device_memory = _peak(run(0))
    return Cost(min(_seconds(run(number)) for number in range(1, RUNS + 1)), memory, device_memory)


def _copy(slices: Path | None, to: Path) -> Path | None:
    """Copy the original's slices for one run, because slices trained by an earlier run would cost the next one nothing."""
    return Path(shutil.copytree(slices, to)) if slices else None


def _seconds(work: Callable[[], object]) -> float:
    start = CLOCK()
    work()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return CLOCK() - start


def _peak(work: Callable[[], object]) -> tuple[int | None, int | None]:
    """Return peak memory on the host and on the device in bytes, above that at the start."""
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated() if DEVICE.type == "cuda" else 0
    before = _resident()
    work()
    after = _peak_resident()
    host = after - before if before is not None and after is not None else None
    return host, torch.cuda.max_memory_allocated() - held if DEVICE.type == "cuda" else None


def _resident() -> int | None:
    """Reset the peak, and return the resident memory in bytes."""
    if sys.platform != "linux":
        return None
    ctypes.CDLL(None).malloc_trim(0)  # return freed memory to the system first
    Path("/proc/self/clear_refs").write_text(RESET_PEAK, encoding="ascii")
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak_resident() -> int | None:
    if sys.platform != "linux":
        return None
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
