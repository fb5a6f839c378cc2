"""Compares training models together (stacked with torch.func) and one by one: MLPs on digits, one thread.

make bench-ensemble
"""

from __future__ import annotations

import resource
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import torch

from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.vectorised import TrainingRun, train_vectorised

from .classifiers.digits import digits_training_data

CPU = torch.device("cpu")
MODELS, MANY = 100, 512
SAME = 1e-3


def run(_data: Path | None = None) -> None:
    """Print both times, the largest differences of logits, and the memory that 512 models together take."""
    torch.set_num_threads(1)
    training_data = digits_training_data()
    train_vectorised(training_data, [TrainingRun((), 0)], device=CPU, on_step=lambda *_: None)  # warm up before timing
    start = time.monotonic()
    alone = [train(training_data, (), seed, device=CPU, on_step=lambda *_: None) for seed in range(MODELS)]
    sequential, start = time.monotonic() - start, time.monotonic()
    trainings = [TrainingRun((), seed) for seed in range(MODELS)]
    together = train_vectorised(training_data, trainings, device=CPU, on_step=lambda *_: None)
    stacked = time.monotonic() - start
    everything = training_data.data.batch(range(len(training_data.data)), CPU)
    with torch.inference_mode():
        differences = [
            float((a.network(everything.inputs) - b.network(everything.inputs)).abs().max())
            for a, b in zip(alone, together, strict=True)
        ]
    print(f"| {MODELS} models one by one | {sequential:.1f} s |")
    print(f"| {MODELS} models stacked | {stacked:.1f} s, {sequential / stacked:.1f} times faster |")
    same = sum(difference < SAME for difference in differences)
    print(f"| models whose logits all agree within {SAME:g} | {same} of {MODELS} |")
    print(f"| largest difference of a model's logits: median, largest | {median(differences):.1e}, {max(differences):.1e} |")
    seconds, peak = _many()
    print(f"| {MANY} models stacked | {seconds:.1f} s, peak memory {peak / 2**30:.2f} GiB (with Python and torch) |")


def _many() -> tuple[float, int]:
    """Return seconds and peak memory in bytes, measured in a separate process."""
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_train_many, args=(sender,))
    process.start()
    seconds, peak = receiver.recv()
    process.join()
    return float(seconds), int(peak)


def _train_many(sender: Connection) -> None:
    torch.set_num_threads(1)
    training_data = digits_training_data()
    start = time.monotonic()
    train_vectorised(training_data, [TrainingRun((), seed) for seed in range(MANY)], device=CPU, on_step=lambda *_: None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sender.send((time.monotonic() - start, peak))
