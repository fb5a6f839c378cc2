"""Measures and attacks a model once, however many jobs of a benchmark compare with it.

All jobs of a split have the same oracles and the same originals, and most of a job's time goes into measuring them. A model
is known by its weights, so that an unlearned one is never taken for another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from unlearning_jobs.engine import pipeline
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.evaluation.answers import Answer
from unlearning_jobs.engine.evaluation.attacks import Attacks, Columns, Target
from unlearning_jobs.engine.evaluation.statistics import Row, measure
from unlearning_jobs.engine.training.model import TrainedModel

Found = tuple[list[Row], list[Answer]]


@contextmanager
def remembered() -> Iterator[None]:
    """Inside, jobs take from memory what an earlier job of this process measured on the same model and examples."""
    measured: dict[tuple[str, ...], Found] = {}
    attacked: dict[tuple[str, ...], Mapping[str, Columns]] = {}
    carry_out = Attacks.carry_out

    def measure_once(
        model: TrainedModel,
        examples: Sequence[Example],
        *,
        everything: bool,
        on_answers: Callable[[Sequence[Answer]], None] | None = None,
        scored: Any = None,
    ) -> list[Row]:
        key = (_weights(model), str(everything), *(example.id for example in examples))
        if key not in measured:
            answers: list[Answer] = []
            rows = measure(model, examples, everything=everything, on_answers=answers.extend, scored=scored)
            measured[key] = rows, answers
        rows, answers = measured[key]
        if on_answers and answers:
            on_answers(answers)
        return rows

    def attack_once(attacks: Attacks, target: Target) -> Mapping[str, Columns]:
        key = (_weights(target.model), *target.protocol.all_attacks, *(e.id for e in target.sets["forget"]))
        if key not in attacked:
            attacked[key] = carry_out(attacks, target)
        return attacked[key]

    with ExitStack() as patches:
        patches.enter_context(patch.object(pipeline, "measure", measure_once))
        patches.enter_context(patch.object(Attacks, "carry_out", attack_once))
        yield


def _weights(model: TrainedModel) -> str:
    """Return a digest of the numbers of all tensors, in order."""
    digest = hashlib.sha256()
    for tensor in model.network.state_dict().values():
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
