"""Reads examples in lists that fit the processor's cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.matching.sweep import TEXT


def batches(examples: Iterable[Example]) -> Iterator[list[str]]:
    """Yield the documents of the examples in lists of about as many characters as are swept together."""
    texts: list[str] = []
    size = 0
    for example in examples:
        texts.append(example.document)
        size += len(example.document)
        if size >= TEXT:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts
