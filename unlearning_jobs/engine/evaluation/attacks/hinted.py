"""The attack by hints: some of the forget examples, with their answers, stand before the question.

A model learns from its context (Brown et al. 2020, arXiv 2005.14165), so what it has hidden may come back in the company of
what belongs to it. An oracle learns from its context too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import ClassVar

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Family
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.families.tokens import Encoded
from unlearning_jobs.engine.training.scoring import score

from .attack import FORGET, Attack, Columns, Target, at, language, mean_log_probabilities


class Hinted(Attack):
    """Scores the forget examples that the attacker does not have, each after as many of the attacker's as its context holds.

    They follow each other as whole sequences, end-of-text between them, as in a conversation. An example beside which there
    is no room for any has no number.
    """

    name: ClassVar[str] = "hinted"

    def obstacles(self, family: Family, forget: Sequence[Example]) -> list[str]:
        encoded, longest = language(family).encode(forget).encoded, language(family).longest
        shortest = sorted(len(one.ids) for one in encoded)[:2]
        if sum(shortest) <= longest:
            return []
        return [f"The model reads {longest} tokens, and no two examples to forget fit into them; leave the hints out."]

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        data, longest = target.sequences(FORGET), language(target.model.family).longest
        # 1. Put the hints before every other example, as many as there is room for.
        hints = [data.encoded[position].ids for position in target.known]
        others = [position for position in range(len(data)) if position not in set(target.known)]
        given = [hints_that_fit(hints, longest - len(data.encoded[position].ids)) for position in others]
        pairs = [(position, number) for position, number in zip(others, given, strict=True) if number]
        asked = [after_hints(hints[:number], data.encoded[position]) for position, number in pairs]
        # 2. Score their answers.
        known = mean_log_probabilities(score(target.model, Sequences(tuple(asked), data.padding)))
        positions = [position for position, _ in pairs]
        numbers = [math.nan] * len(data)
        for position, number in zip(others, given, strict=True):
            numbers[position] = number
        return {FORGET: {"hinted": at(positions, known, len(data)), "hints": numbers}}


def hints_that_fit(hints: Sequence[Sequence[int]], room: int) -> int:
    """Return how many hints, from the first, have no more tokens together than there is room for."""
    return sum(tokens <= room for tokens in accumulate(map(len, hints)))


def after_hints(hints: Sequence[Sequence[int]], example: Encoded) -> Encoded:
    """Return the example with the hints before its prompt."""
    before = [token for hint in hints for token in hint]
    return Encoded((*before, *example.ids), len(before) + example.start)
