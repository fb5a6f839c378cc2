"""What methods of the literature need and cost beyond what all methods do, as the catalogue says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unlearning_jobs.engine.test_catalogue import FACTS, RECIPE, RECIPES
from unlearning_jobs.engine.catalogue import expected_cost, obstacles


def test_wrong_answers_are_preferred_only_where_the_corpus_has_some() -> None:
    assert any("choose npo" in obstacle for obstacle in obstacles("dpo", replace(FACTS, with_wrong_answers=0)))
    for known in (None, 1, 5):
        assert obstacles("dpo", replace(FACTS, with_wrong_answers=known)) == []
    assert "works on causal_lm only" in obstacles("dpo", replace(FACTS, recipe=RECIPES["text_classifier"]))[0]


def test_only_what_has_a_prompt_can_be_refused() -> None:
    assert any("has a prompt" in obstacle for obstacle in obstacles("idk_dpo", replace(FACTS, with_prompts=0)))
    assert obstacles("idk_dpo", replace(FACTS, with_prompts=1)) == obstacles("idk_dpo", FACTS) == []


@pytest.mark.parametrize(
    ("method", "per_step", "once"),
    [
        ("wga", 5 + 16, 0),
        ("simnpo", 5 + 16, 0),
        ("undial", 5 * 4 / 3 + 16, 0),
        ("dpo", 2 * 5 + 16, 0),
        ("idk_dpo", 2 * 5 + 16, 0),
        ("pdu", 5 + 16, 87 / 3),
    ],
)
def test_what_the_original_or_another_answer_adds_to_a_step_is_counted(method: str, per_step: float, once: float) -> None:
    examples = 40 * per_step + once
    assert expected_cost(method, FACTS) == pytest.approx(examples / (RECIPE.epochs * FACTS.retain))
