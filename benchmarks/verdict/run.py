"""Judges models that were not unlearned, and models that were, and counts what the verdict says.

    make bench-verdict

Every trial is a job with models drawn from a bank: the production model, replicates and oracles, judged look by look as
in the product. From scratch it takes about half an hour on two cores; the banks are kept under var/bench/verdict.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.evaluation.evaluate import evaluate, is_decided
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .attacks import SUBJECTS, Subject
from .bank import INDEPENDENT, Bank, digit_banks, text_bank

TRIALS: Final = 100
PAIRED: Final = Protocol(tuple(range(1, 8)), (8, 9), metrics=(), design="paired", looks=2)
UNPAIRED: Final = Protocol(tuple(range(1, 5)), tuple(range(5, 13)), metrics=(), looks=2)
"""The sizes that the product proposes. The seeds here are places, and are replaced by models drawn from the bank."""


def run(_data: Path | None = None) -> None:
    """Print the table of every bank."""
    for bank in (*digit_banks(), text_bank()):
        protocol = PAIRED if bank.paired else UNPAIRED
        print(f"\n{bank.name}: {protocol.design}, {TRIALS} jobs a row")
        print(f"{'':52} passed failed none undecided  deserves     looks  trainings")
        for subject in SUBJECTS:
            if bank.paired or not subject.paired_only:
                print(_row(subject, bank, protocol), flush=True)


def _row(subject: Subject, bank: Bank, protocol: Protocol) -> str:
    outcomes: Counter[str] = Counter()
    looks, trainings = 0, 0
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
