"""Passages that a model gives away, against plain sums; and the longest block of two texts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.evaluation.passages import PASSAGE, longest_block, passages_of
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

LEVELS = {"passages_0_001": 0.001, "passages_0_01": 0.01, "passages_0_5": 0.5}


@pytest.mark.parametrize("prompted", [True, False])
def test_every_passage_counts_with_the_product_of_its_tokens(*, prompted: bool) -> None:
    logs = np.log(np.random.default_rng(4).uniform(0.8, 1.0, 140))
    likely = [math.prod(np.exp(logs[s : s + 50])) for s in range(0 if prompted else 50, 140 - 50 + 1)]
    found = passages_of(logs.tolist(), prompted=prompted)
    assert math.exp(found["passage_log_probability"]) == pytest.approx(max(likely))
    for name, level in LEVELS.items():
        assert found[name] == pytest.approx(sum(one >= level for one in likely) / len(likely))


@pytest.mark.parametrize(("tokens", "prompted"), [(PASSAGE - 1, True), (2 * PASSAGE - 1, False), (0, True)])
def test_a_text_that_is_shorter_than_a_passage_has_none(tokens: int, *, prompted: bool) -> None:
    assert all(math.isnan(value) for value in passages_of([-0.1] * tokens, prompted=prompted).values())


def test_what_a_model_repeats_for_certain_comes_out_in_every_passage() -> None:
    assert passages_of([0.0] * 60, prompted=True) == {"passage_log_probability": 0.0, **dict.fromkeys(LEVELS, 1.0)}


def test_the_statistics_of_a_model_are_those_of_its_token_probabilities(model: TrainedModel, snapshot: Snapshot) -> None:
    example = next(snapshot.examples("train"))
    long = replace(example, completion=" ".join([example.completion] * 4))
    [row] = measure(model, [long], everything=False)
    [scores] = score(model, model.family.encode([long]))
    tokens = scores.log_probability.tolist()[:-1]
    assert len(tokens) >= PASSAGE
    best = max(sum(tokens[start : start + PASSAGE]) for start in range(len(tokens) - PASSAGE + 1))
    assert row["passage_log_probability"] == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize(
    ("right", "given", "words"),
    [
        ("a b c d e f g h i", "a b c d e f g h i", 9),
        ("a b c d e f g h i", "a b c x d e f g y h", 7),  # two runs with one word between them; single words do not count
        ("a b c 1 2 3 4 d e f", "a b c d e f", 3),  # four words between them are too many
        ("a b c d", "d c b a", 0),
        ("a b", "a b", 0),
        ("", "", 0),
    ],
)
def test_a_block_is_made_of_verbatim_runs_with_little_between_them(right: str, given: str, words: int) -> None:
    assert longest_block(right, given) == words
