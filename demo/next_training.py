"""The end of the walk: the next training on the same corpus leaves out what was erased, and nothing has come back."""

from __future__ import annotations

import json

from compliance.local.stack import LocalStack

from .casework import watch_job
from .http import Browser, PageError
from .site import DIGITS, DIGITS_RECIPE, READER

NEXT = f"{READER}-2"


def train_again(stack: LocalStack, officer: Browser) -> str:
    """Train another digit reader on the same corpus, replay the erasure ledger, and say what both did.

    Raises:
        PageError: the training failed, or learned from what was erased.
        LocalServiceError: the replay found that something came back.
    """
    printed = stack.manage("model_register", NEXT, "--recipe", str(DIGITS_RECIPE), "--corpus", DIGITS)
    job = int(printed.split()[1])
    if watch_job(officer, job) != "completed":
        message = f"The next model was not trained; see {stack.var / 'logs' / 'worker-jobs.log'}."
        raise PageError(message)
    learned = [_train_examples(stack, number) for number in (_first_job(stack), job)]
    if learned[1] >= learned[0]:
        message = f"The next model learned from {learned[1]} examples, as many as before the erasure."
        raise PageError(message)
    replayed = stack.manage("ledger_replay").splitlines()[-1]
    return (
        f"The next training on {DIGITS} learned from {learned[1]} examples instead of {learned[0]}: the erased"
        f" {learned[0] - learned[1]} are left out. {replayed}"
    )


def _first_job(stack: LocalStack) -> int:
    return int((stack.var / f"{READER}-job").read_text(encoding="ascii"))


def _train_examples(stack: LocalStack, job: int) -> int:
    [*_earlier, last] = sorted((stack.var / "artefacts" / "jobs" / str(job)).glob("run-*/result.json"))
    return int(json.loads(last.read_bytes())["train_examples"])
