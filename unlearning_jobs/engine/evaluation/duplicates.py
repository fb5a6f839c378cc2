"""Looks for retained examples that say the same, or nearly the same, as those to be forgotten.

An oracle learns from them what it should not know, so a model can pass and still repeat the forget set. Texts are compared
by the Jaccard index of their runs of words (Broder 1997, On the resemblance and containment of documents), arrays of the
same label by their distance in standardised features. Paraphrases are not found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from unlearning_jobs.engine.contracts import Duplicate
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.matching.words import words

RUN: Final = 4
"""Words in a row. Shorter texts are one run."""
LIKE: Final = 0.8
MOST_NAMED: Final = 100


def find_duplicates(snapshot: Snapshot, forget: Sequence[Example], retained_ids: Iterable[str]) -> tuple[Duplicate, ...]:
    """Return the retained examples that are at least 0.8 alike to one to forget, most alike first, at most 100."""
    retained = frozenset(retained_ids)
    examples = (example for example in snapshot.examples("train") if example.id in retained)
    found = _alike_arrays(snapshot, forget, examples) if snapshot.info.features else _alike_texts(forget, examples)
    return tuple(sorted(found, key=lambda d: (-d.likeness, d.forget_id, d.retain_id))[:MOST_NAMED])


def _alike_texts(forget: Sequence[Example], examples: Iterable[Example]) -> Iterator[Duplicate]:
    runs_of = {example.id: _runs(example) for example in forget}
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)  # by run: ids of the examples to forget
    for forget_id, runs in runs_of.items():
        for run in runs:
            holders[run].append(forget_id)
    for example in examples:
        own = _runs(example)
        common = Counter(forget_id for run in own for forget_id in holders.get(run, ()))
        for forget_id, shared in common.items():
            likeness = shared / (len(own) + len(runs_of[forget_id]) - shared)
            if likeness >= LIKE:
                yield Duplicate(forget_id, example.id, round(likeness, 3))


def _runs(example: Example) -> frozenset[tuple[str, ...]]:
    folded = [word.text for word in words(f"{example.prompt}\n{example.completion}")]
    return frozenset(tuple(folded[i : i + RUN]) for i in range(max(1, len(folded) - RUN + 1)))


def _alike_arrays(snapshot: Snapshot, forget: Sequence[Example], examples: Iterable[Example]) -> Iterator[Duplicate]:
    dtype = snapshot.info.features.dtype if snapshot.info.features else "float32"
    targets = np.stack([_numbers(example, dtype) for example in forget])  # (forget, numbers)
    # Each feature counts from its mean and in its standard deviation, so that no large common number makes all alike.
    count, total, squares = 0, np.zeros(targets.shape[1]), np.zeros(targets.shape[1])
    for example in snapshot.examples("train"):
        numbers = _numbers(example, dtype)
        count, total, squares = count + 1, total + numbers, squares + numbers**2
    centre = total / max(count, 1)
    scale = np.sqrt(np.maximum(squares / max(count, 1) - centre**2, 0.0))
    scale[scale == 0] = 1.0
    targets = (targets - centre) / scale
    norms = np.linalg.norm(targets, axis=1)  # (forget,)
    for example in examples:
        numbers = (_numbers(example, dtype) - centre) / scale
        size = np.maximum(norms, np.linalg.norm(numbers))
        likeness = 1 - np.linalg.norm(targets - numbers, axis=1) / np.maximum(size, np.finfo(float).tiny)
        for place in np.flatnonzero(likeness >= LIKE).tolist():
            if forget[place].completion == example.completion:
                yield Duplicate(forget[place].id, example.id, round(float(likeness[place]), 3))


def _numbers(example: Example, dtype: str) -> np.typing.NDArray[np.float64]:
    return np.frombuffer(example.features or b"", dtype=dtype).astype(np.float64)
