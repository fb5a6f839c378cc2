"""Raw outputs of an evaluation that did not run, with models that lie where the verdict needs them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from compliance.formats.results import ANSWER_IN_TEXTS, ANSWERS
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.evaluation.answers import Answer
from unlearning_jobs.engine.evaluation.kept_answers import KeptAnswers
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

KNOWN, NEVER_LEARNED = 3.0, 0.3
UNLEARNED = {"passed": 0.4, "inconclusive": 1.0, "no_influence": KNOWN}
"""Where the unlearned models lie, by the verdict that is wanted; otherwise near the originals."""
SPREAD = {"no_influence": 0.02}
"""Standard deviation of a margin."""
TRAINING = tuple(f"e{n:08d}" for n in range(20))
HELD_OUT = tuple(f"e{n:08d}" for n in range(20, 28))


def look_of(spec: JobSpec, outcome: str) -> int:
    """The first look, unless it decides nothing."""
    assert spec.protocol is not None
    return spec.protocol.looks if outcome == "inconclusive" else 1


def models(spec: JobSpec, look: int) -> Iterator[ModelKey]:
    """The models of a look, the production model first."""
    assert spec.protocol is not None
    protocol = spec.protocol
    unlearned = (spec.seed, *protocol.replicate_seeds)[: protocol.unlearned_at(look)]
    oracles = protocol.oracle_seeds[: protocol.independent_oracles_at(look)]
    for seed in unlearned:
        yield ModelKey("original", seed)
        yield ModelKey("unlearned", seed)
    for seed in (*(unlearned if protocol.paired else ()), *oracles):
        yield ModelKey("oracle", seed)


def gone(spec: JobSpec) -> set[str]:
    """The training examples that the unlearned model must not know."""
    before = {example_id for step in spec.earlier for example_id in step.forget_ids}
    return {*spec.forget_ids, *spec.exclude_ids, *spec.erased_ids, *before}


def examples_of(spec: JobSpec, name: str) -> tuple[str, ...]:
    """The ids of a set of the spec's snapshot; those of the usual corpus if there is no snapshot on disk."""
    if Path(spec.snapshot.path).is_dir():
        return tuple(example.id for example in Snapshot.open(spec.snapshot.path).examples(name))
    return {"train": TRAINING, "held_out": HELD_OUT}[name]


def answers_write(folder: Path, spec: JobSpec) -> None:
    """What three language models answered: the original as it learned, the unlearned one half of it, the oracle nothing."""
    if spec.recipe.family not in ANSWER_IN_TEXTS:
        return
    assert spec.protocol is not None
    retain = [example_id for example_id in examples_of(spec, "train") if example_id not in gone(spec)]
    sets = {"forget": sorted(spec.forget_ids), "retain": retain, "held_out": examples_of(spec, "held_out")}
    examples = {name: _examples(spec, ids) for name, ids in sets.items()}
    kept = KeptAnswers.of(spec.protocol, spec.seed, examples)
    for model in sorted(kept.models, key=lambda one: one.group):
        for name, of_set in examples.items():
            right = [example.completion for example in of_set]
            said = {"original": right, "unlearned": [text[: len(text) // 2] for text in right], "oracle": [""] * len(right)}
            found = [Answer(text, answer, 0, "", "") for text, answer in zip(said[model.group], right, strict=True)]
            kept.note(model, name, of_set, found)
    kept.write(folder / ANSWERS)


def _examples(spec: JobSpec, ids: Iterable[str]) -> list[Example]:
    if Path(spec.snapshot.path).is_dir():
        return Snapshot.open(spec.snapshot.path).get(ids)
    return [Example(example_id, "train", "What is grey?", "A stone.") for example_id in ids]


def staged(spec: JobSpec, outcome: str, look: int = 1) -> Outputs:
    """Outputs with which the forget set lies where the outcome needs it."""
    never = KNOWN if outcome == "no_influence" else NEVER_LEARNED
    levels = {"original": KNOWN, "unlearned": UNLEARNED.get(outcome, 2.7), "oracle": never}
    noise, outputs = random.Random(4), Outputs()  # noqa: S311  # the spread of a drawing, not a secret
    retain = tuple(example_id for example_id in examples_of(spec, "train") if example_id not in gone(spec))
    held_out = examples_of(spec, "held_out")
    for model in models(spec, look):
        for name, ids in (("forget", tuple(sorted(spec.forget_ids))), ("retain", retain), ("held_out", held_out)):
            level = levels[model.group] if name == "forget" else 2.5
            margins = [noise.gauss(level, SPREAD.get(outcome, 0.25)) for _ in ids]
            outputs.add(model, name, ids, map(_row, margins))
    return outputs


def _row(margin: float) -> dict[str, float]:
    probability = 1 / (1 + math.exp(-margin))
    known = {"margin": margin, "probability": probability, "log_likelihood": math.log(probability)}
    return dict.fromkeys(STATISTICS, math.nan) | known | {"accuracy": float(margin > 0)}
