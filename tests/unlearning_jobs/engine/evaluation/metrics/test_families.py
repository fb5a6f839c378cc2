"""What the catalogue promises of a family, against what its models' outputs give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from unlearning_jobs.engine.catalogue import METRICS as CATALOGUE
from unlearning_jobs.engine.catalogue import metrics_of
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.evaluation.attacks import Target
from unlearning_jobs.engine.evaluation.membership import Membership
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.passages import PASSAGE
from unlearning_jobs.engine.evaluation.statistics import (
    ATTACKED,
    COMPARED,
    GENERATED,
    LIKELIHOODS,
    MEMBERSHIP,
    measure,
)
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

TRAINERS = {
    "causal_lm": "trainer",
    "finetuned_lm": "tuned_trainer",
    "text_classifier": "note_trainer",
    "finetuned_classifier": "tuned_note_trainer",
    "classifier": "leaf_trainer",
    "logistic": "logistic_trainer",
    "summation": "sums_trainer",
}
OF_TEXTS = {*GENERATED, *COMPARED, *set(LIKELIHOODS) - {"margin", "log_likelihood", "probability"}}
PROTOCOL = Protocol(tuple(range(1, 50)), tuple(range(50, 100)), attacks=("difference",))
"""With the attack that needs nothing but what is measured anyway."""
EXAMPLES = 6


def lengthened(model: TrainedModel, examples: Sequence[Example]) -> list[Example]:
    """The same, but texts go on until they are just long enough for a passage."""
    if model.family.description.answers == "class":
        return list(examples)
    made = []
    for example in examples:
        longer = replace(example, prompt="?")
        while len((encoded := cast("Sequences", model.family.encode([longer])).encoded[0]).ids) - encoded.start <= PASSAGE:
            longer = replace(longer, completion=f"{longer.completion} a")
        made.append(longer)
    return made


def outputs_of(trainer: Trainer) -> Outputs:
    """What one model says about some examples of each set, and as many others as the protocol has, whose margins vary."""
    model, snapshot, rng = trainer.obtain((), 1, lambda *_: None), trainer.training_data.snapshot, np.random.default_rng(1)
    trained, held_out = list(snapshot.examples("train")), list(snapshot.examples("held_out"))
    sets = {"forget": trained[:EXAMPLES], "retain": trained[EXAMPLES : 2 * EXAMPLES], "held_out": held_out[:EXAMPLES]}
    rows_of = {name: measure(model, lengthened(model, examples), everything=True) for name, examples in sets.items()}
    measured = Membership().measure(Target(model, sets, trainer.training_data.recipe, PROTOCOL))
    outputs = Outputs()
    for group, seeds in (
        ("original", (0, *PROTOCOL.replicate_seeds)),
        ("unlearned", (0, *PROTOCOL.replicate_seeds)),
        ("oracle", PROTOCOL.oracle_seeds),
    ):
        for seed in seeds:
            for name, examples in sets.items():
                rows = [{**row, "margin": row["margin"] + rng.normal()} for row in rows_of[name]]
                outputs.add(ModelKey(group, seed), name, [e.id for e in examples], rows)  # type: ignore[arg-type]  # literals
                if name in measured:
                    outputs.add_columns(ModelKey(group, seed), name, measured[name])  # type: ignore[arg-type]  # literals
    return outputs


@pytest.mark.parametrize("family", FAMILY_DESCRIPTIONS)
def test_the_metrics_promised_for_a_family_are_those_found(family: str, request: pytest.FixtureRequest) -> None:
    outputs = outputs_of(request.getfixturevalue(TRAINERS[family]))
    names = {finding.name for name in METRICS for finding in METRICS[name]().findings(outputs)}
    assert names == set(metrics_of(PROTOCOL, family))


@pytest.mark.parametrize("family", FAMILY_DESCRIPTIONS)
def test_a_statistic_exists_where_the_answers_are_of_its_kind(family: str, request: pytest.FixtureRequest) -> None:
    trainer: Trainer = request.getfixturevalue(TRAINERS[family])
    model, [example] = trainer.obtain((), 1, lambda *_: None), trainer.training_data.snapshot.get(["e00000000"])
    [row] = measure(model, lengthened(model, [example]), everything=True)
    missing = {name for name, value in row.items() if np.isnan(value)}
    assert missing - {*ATTACKED, *MEMBERSHIP} == (set() if FAMILY_DESCRIPTIONS[family].answers == "text" else OF_TEXTS)


def test_no_metric_is_for_no_family() -> None:
    assert all(set(entry.families) <= set(FAMILY_DESCRIPTIONS) and entry.families for entry in CATALOGUE.values())
    assert metrics_of(replace(PROTOCOL, metrics=("probability",), attacks=()), "causal_lm") == ("probability",)
