"""The attack by another wording: what is only hidden behind the question as it was learned may answer to another one.

Benchmarks ask so of unlearned models (Jin et al. 2024, arXiv 2406.10890).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Family
from unlearning_jobs.engine.training.scoring import score

from .attack import FORGET, Attack, Columns, Target, at, mean_log_probabilities


class Paraphrased(Attack):
    """Scores the answers after the question in other words. An example without any has no number."""

    name: ClassVar[str] = "paraphrased"

    def obstacles(self, family: Family, forget: Sequence[Example]) -> list[str]:
        family.encode(_in_other_words(forget).values())  # too long a question is an error of the corpus
        return []

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        asked, family = _in_other_words(target.sets[FORGET]), target.model.family
        known = mean_log_probabilities(score(target.model, family.encode(asked.values())))
        return {FORGET: {self.name: at(list(asked), known, len(target.sets[FORGET]))}}


def _in_other_words(examples: Sequence[Example]) -> dict[int, Example]:
    """Return the examples that have another wording, with that as their question, by position."""
    return {i: replace(e, prompt=e.paraphrased_prompt) for i, e in enumerate(examples) if e.paraphrased_prompt}
