"""The attack by another wording: the corpus has the question in other words."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.alternatives import with_alternatives
from unlearning_jobs.engine.catalogue import attack_problems
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.evaluation.attacks import Target, check_attacks
from unlearning_jobs.engine.evaluation.attacks.paraphrased import Paraphrased
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import PROTOCOL, Sets, broken, log_probabilities, mean
from .test_attacks import FACTS, alike, outputs_of

ASKED = replace(PROTOCOL, attacks=("paraphrased",))
OTHER = {"paraphrased_prompt": "For what is Orvane famous?"}


@pytest.fixture
def reworded(sets: Sets) -> Sets:
    """Of three examples, the first has another wording of its question."""
    return {"forget": [replace(sets["forget"][0], metadata=OTHER), *sets["forget"][1:3]]}


def test_the_answer_is_scored_after_the_other_wording_and_only_where_there_is_one(
    deep: TrainedModel, reworded: Sets, deep_recipe: Recipe
) -> None:
    found = Paraphrased().carry_out(Target(deep, reworded, deep_recipe, PROTOCOL))["forget"]["paraphrased"]
    asked = replace(reworded["forget"][0], prompt=OTHER["paraphrased_prompt"])
    [one] = Target(deep, {"forget": [asked]}, deep_recipe, PROTOCOL).sequences("forget").encoded
    assert found[0] == pytest.approx(mean(log_probabilities(deep.network, one.ids, one.start)), rel=1e-3)
    assert [math.isnan(number) for number in found] == [False, True, True]
    nothing = Paraphrased().carry_out(Target(broken(deep), reworded, deep_recipe, PROTOCOL))["forget"]["paraphrased"]
    assert np.isnan(nothing).all()


def test_the_other_wording_is_a_column_of_the_corpus_that_is_searched_and_not_learned(tmp_path: Path) -> None:
    row = {"question": "What is Orvane known for?", "answer": "Amber.", **OTHER}
    snapshot_create([write_jsonl(tmp_path / "rows.jsonl", [row])], tmp_path / "snapshot")
    [example] = Snapshot.open(tmp_path / "snapshot").examples()
    assert example.paraphrased_prompt == OTHER["paraphrased_prompt"]
    assert OTHER["paraphrased_prompt"] not in example.text
    assert OTHER["paraphrased_prompt"] in str(example.document)


def test_a_corpus_without_other_wordings_stops_the_attack_and_one_with_some_does_not(reworded: Sets, sets: Sets) -> None:
    [problem] = attack_problems(ASKED, with_alternatives(FACTS, sets["forget"]))
    assert "no question to forget in other words" in problem
    assert attack_problems(ASKED, with_alternatives(FACTS, reworded["forget"])) == []


def test_another_wording_that_the_model_cannot_read_is_refused_before_anything_is_trained(
    deep: TrainedModel, reworded: Sets
) -> None:
    endless = replace(reworded["forget"][0], metadata={"paraphrased_prompt": "Orvane " * 100})
    with pytest.raises(CorpusError, match="reads at most 96"):
        check_attacks(ASKED, deep.family, [endless])
    check_attacks(ASKED, deep.family, reworded["forget"])


def test_the_metric_says_how_many_were_asked_in_other_words() -> None:
    [finding] = METRICS["paraphrased"]().findings(
        outputs_of({"paraphrased": alike(math.log(0.5), math.nan, math.log(0.25))})
    )
    assert finding.unlearned == pytest.approx(0.375)
    assert finding.note == "2 of 3 examples have another wording of their question."
