"""Reads from the examples to forget what methods and attacks ask of them, for the facts of a job. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .catalogue import Facts
from .corpora import Example

ONE_TOKEN: Final = 32
"""Bytes. A longer answer is more than one token, although it is one word or has no spaces."""


def with_alternatives(facts: Facts, examples: Sequence[Example]) -> Facts:
    """Return the facts with what these examples to forget have: other answers and questions, prompts, long answers."""
    return replace(
        facts,
        with_wrong_answers=sum(bool(example.perturbed_answer) for example in examples),
        with_prompts=sum(bool(example.prompt) for example in examples),
        with_other_wordings=sum(bool(example.paraphrased_prompt) for example in examples),
        with_long_answers=sum(map(_is_long, examples)),
    )


def _is_long(example: Example) -> bool:
    return len(example.completion.split()) > 1 or len(example.completion.encode()) > ONE_TOKEN
