"""Judges models that were not unlearned, and models that were, and counts what the verdict says.

    make bench-verdict

Every trial is a job with models drawn from a bank: the production model, replicates and oracles, judged look by look as
in the product, every row in a process of its own. From scratch it takes about half an hour on two cores; the banks are kept
under var/bench/verdict.
"""

from __future__ import annotations

import multiprocessing
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np
import torch

from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.evaluation.evaluate import evaluate, is_decided
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .attacks import SUBJECTS, Subject
from .bank import INDEPENDENT, Bank, digit_banks, text_bank

TRIALS: Final = 200
PAIRED: Final = Protocol(tuple(range(1, 8)), (8, 9), metrics=(), design="paired", looks=2)
UNPAIRED: Final = Protocol(tuple(range(1, 5)), tuple(range(5, 13)), metrics=(), looks=2)
"""The sizes that the product proposes. The seeds here are places, and are replaced by models drawn from the bank."""


def run(_data: Path | None = None) -> None:
    """Print the table of every bank."""
    banks = _banks()  # trained here, so that the processes find them stored
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as processes:
        tables = [
            processes.map(partial(_row, place), [i for i, one in enumerate(SUBJECTS) if bank.paired or not one.paired_only])
            for place, bank in enumerate(banks)
        ]
        for bank, table in zip(banks, tables, strict=True):
            print(f"\n{bank.name}: {_protocol(bank).design}, {TRIALS} jobs a row")
            print(f"{'':52} passed failed none undecided  deserves     looks  trainings")
            for row in table:
                print(row, flush=True)


@cache
def _banks() -> tuple[Bank, ...]:
    return (*digit_banks(), text_bank())


def _protocol(bank: Bank) -> Protocol:
    return PAIRED if bank.paired else UNPAIRED


def _row(place: int, number: int) -> str:
    """Judge the jobs of one subject with models of the bank at `place`."""
    torch.set_num_threads(1)
    bank, subject = _banks()[place], SUBJECTS[number]
    outcomes: Counter[str] = Counter()
    looks, trainings, protocol = 0, 0, _protocol(bank)
    for trial in range(TRIALS):
        outcome, look = _judged(subject, bank, protocol, trial)
        outcomes[outcome] += 1
        looks += look
        trainings += protocol.unlearned_at(look) - 1 + protocol.oracles_at(look)
    shares = (outcomes[name] / TRIALS for name in ("passed", "failed", "no_influence", "inconclusive"))
    cells = " ".join(f"{100 * share:5.1f}%" for share in shares)
    return f"{subject.name:50} {cells}   {subject.deserves:11} {looks / TRIALS:6.2f} {trainings / TRIALS:8.1f}"


def _judged(subject: Subject, bank: Bank, protocol: Protocol, trial: int) -> tuple[str, int]:
    """Return the outcome of one job, and the look that decided it."""
    for look in range(1, protocol.looks + 1):
        evaluation = evaluate(_outputs(subject, bank, protocol, trial, look), protocol, "npo", "classifier", look=look)
        if is_decided(evaluation):
            break
    return evaluation.verdict.outcome, look


def _outputs(subject: Subject, bank: Bank, protocol: Protocol, trial: int, look: int) -> Outputs:
    """Draw the models of a trial, the same for every look, and return what those of this look answer."""
    seed = [trial, zlib.crc32(bank.name.encode())]
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(bank.models)[: protocol.unlearned_at(look)].tolist()
    independent = rng.permutation(bank.models)[: protocol.independent_oracles_at(look)].tolist()
    outputs = Outputs(dict(bank.ids))
    for name in bank.ids:
        for place, k in enumerate(chosen):
            answers = subject.shipped if place == 0 and subject.shipped else subject.answers
            outputs.values[ModelKey("original", k), name] = bank.rows["original", name][k]
            outputs.values[ModelKey("unlearned", k), name] = answers(bank, name, k, np.random.default_rng(seed))
        outputs.values |= dict(_oracles(bank, name, chosen if protocol.paired else [], independent))
    return outputs


def _oracles(
    bank: Bank, name: str, pairs: list[int], independent: list[int]
) -> Iterator[tuple[tuple[ModelKey, str], np.typing.NDArray[np.float64]]]:
    for k in pairs:
        yield (ModelKey("oracle", k), name), bank.rows["pair", name][k]
    for k in independent:
        yield (ModelKey("oracle", INDEPENDENT + k), name), bank.rows["oracle", name][k]
