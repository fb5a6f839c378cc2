"""Reads from the examples to forget whether other answers to them can be preferred, for the facts of a job. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .catalogue import Facts
from .corpora import Example


def with_alternatives(facts: Facts, examples: Sequence[Example]) -> Facts:
    """Return the facts with what decides whether other answers can be preferred to those of these examples to forget."""
    return replace(
        facts,
        with_wrong_answers=sum(bool(example.perturbed_answer) for example in examples),
        with_prompts=sum(bool(example.prompt) for example in examples),
    )
