"""The attack by a prefix: the beginning of the answer is given as well, and the model is to go on.

What a model refuses to begin it may still continue (Carlini et al. 2023, arXiv 2202.07646). Each token is scored after the
true ones before it anyway, so this needs no further pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Family
from unlearning_jobs.engine.families.tokens import Encoded
from unlearning_jobs.engine.training.scoring import Scores

from .attack import FORGET, Attack, Columns, Target, language

SHARE: Final = 4
"""The answer is divided by it, rounded up."""


class Prefix(Attack):
    """Takes the probability of what follows the first quarter of the answer.

    An answer of one token has no rest, and no number.
    """

    name: ClassVar[str] = "prefix"

    def obstacles(self, family: Family, forget: Sequence[Example]) -> list[str]:
        if any(_length(one) > 1 for one in language(family).encode(forget).encoded):
            return []
        return ["The answers to forget have one token each, so no part of them can be given away; leave the prefix out."]

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        encoded = target.sequences(FORGET).encoded
        rests = [_rest(one, scores) for one, scores in zip(encoded, target.scores(FORGET), strict=True)]
        return {FORGET: {"prefix": [mean for mean, _ in rests], "prefix_log_probability": [total for _, total in rests]}}


def _length(example: Encoded) -> int:
    return len(example.ids) - 1 - example.start  # without end-of-text


def _rest(example: Encoded, scores: Scores) -> tuple[float, float]:
    """Return the mean log-probability of the rest, with the end of the text, and the sum of it, without that."""
    length = _length(example)
    given = math.ceil(length / SHARE)
    if given >= length:
        return math.nan, math.nan
    first = max(1, example.start)  # nothing predicts the first token of a sequence
    rest = scores.log_probability[example.start + given - first :]
    return float(rest.mean()), float(rest[:-1].double().sum())
