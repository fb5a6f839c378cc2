"""Makes canaries for a corpus: rows of its kind about invented persons, each marked in a column."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora import FeatureFormat, Snapshot
from unlearning_jobs.engine.errors import SpecError

from .marks import FEWEST, MARK, MARKED, MOST
from .people import Person, invent

SAMPLE: Final = 2000
"""Rows of the corpus from which the numbers of arrays are drawn."""
WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class _Canary:
    person: Person
    label: str = ""
    features: NDArray[Any] | None = None


def make_canaries(snapshot: Snapshot, out: Path, *, count: int, seed: int) -> Path:
    """Write canaries like the corpus' examples: questions and answers, texts, labelled texts, or arrays with labels.

    The file is a further source for the corpus: JSON lines, or .npz for arrays. Labels are drawn from the corpus' own. Each
    number of an array is one that some training example has at that place, every number drawn by itself, so that no example
    is copied. The same corpus, number and seed give the same canaries.

    Returns:
        the file: `out` with the ending of its format.

    Raises:
        SpecError: there are to be too few or too many, the file exists, or the corpus has no room for canaries of their own.
        CorpusError: the corpus cannot be read.
    """
    if not FEWEST <= count <= MOST:
        message = f"{count} canaries are too {'few' if count < FEWEST else 'many'}; make {FEWEST} to {MOST}."
        raise SpecError(message)
    info = snapshot.info
    path = out.with_suffix(".npz" if info.features else ".jsonl")
    if path.exists():
        message = f"{path.name} exists already; choose another name."
        raise SpecError(message)
    rng = np.random.default_rng(seed)
    canaries = list(islice(_unlike(snapshot, _candidates(snapshot, rng, 2 * count)), count))
    if len(canaries) < count:
        message = (
            f"Only {len(canaries)} canaries differ from each other and from the examples of this corpus; ask for fewer, or"
            " for another seed."
        )
        raise SpecError(message)
    path.parent.mkdir(parents=True, exist_ok=True)
    if info.features:
        _write_arrays(path, canaries)
    else:
        asks = next((bool(example.prompt) for example in snapshot.examples("train")), False)
        path.write_text("".join(json.dumps(row) + "\n" for row in _rows(canaries, asks=asks)), encoding="utf-8")
    return path


def _candidates(snapshot: Snapshot, rng: np.random.Generator, most: int) -> list[_Canary]:
    """Return canaries that differ from each other."""
    info, labels = snapshot.info, snapshot.info.labels
    columns = _columns(snapshot, info.features, rng) if info.features else None
    found: dict[object, _Canary] = {}
    for person in islice(invent(rng), most):
        label = labels[rng.integers(len(labels))] if labels else ""
        if columns is None:
            found[person] = _Canary(person, label)
        else:
            drawn = columns[rng.integers(len(columns), size=columns.shape[1]), np.arange(columns.shape[1])]
            # By the features alone: with two labels for one input, neither could be learned by heart.
            found[drawn.tobytes()] = _Canary(person, label, drawn.reshape(info.features.shape if info.features else ()))
    return list(found.values())


def _columns(snapshot: Snapshot, form: FeatureFormat, rng: np.random.Generator) -> NDArray[Any]:
    """Return a sample of the training examples' features, (rows, numbers)."""
    total = snapshot.info.counts["train"]
    chosen = frozenset(rng.choice(total, min(SAMPLE, total), replace=False).tolist())
    rows = [e.features or b"" for i, e in enumerate(snapshot.examples("train")) if i in chosen]
    return np.stack([np.frombuffer(row, dtype=form.dtype) for row in rows])


def _unlike(snapshot: Snapshot, candidates: Sequence[_Canary]) -> Iterator[_Canary]:
    """Yield the canaries whose family name no example holds, and whose features no example has."""
    names = {canary.person.family.lower() for canary in candidates}
    arrays = {canary.features.tobytes() for canary in candidates if canary.features is not None}
    taken: set[str | bytes] = set()
    for example in snapshot.examples():
        taken.update(names.intersection(WORD.findall(example.document.lower())))
        taken.update({example.features} & arrays if example.features else ())
    for canary in candidates:
        copied = canary.features is not None and canary.features.tobytes() in taken
        if not copied and canary.person.family.lower() not in taken:
            yield canary


def _rows(canaries: Iterable[_Canary], *, asks: bool) -> Iterator[Mapping[str, str]]:
    for canary in canaries:
        person, beside = canary.person, {MARK: MARKED, "split": "train"}
        if canary.label:
            yield {"text": f"{person.facts} So {person.given} wrote to us.", "label": canary.label, **beside}
        elif asks:
            yield {"question": f"Who is {person.name}?", "answer": person.facts, **beside}
        else:
            yield {"text": person.facts, **beside}


def _write_arrays(path: Path, canaries: Sequence[_Canary]) -> None:
    people = [canary.person for canary in canaries]
    np.savez(
        path,
        x=np.stack([canary.features for canary in canaries if canary.features is not None]),
        y=np.array([canary.label for canary in canaries]),
        split=np.array(["train"] * len(people)),
        name=np.array([person.name for person in people]),
        email=np.array([person.address for person in people]),
        canary=np.array([MARKED] * len(people)),  # the column MARK
    )
