"""What a text must hold for a query to match it, so that most texts need not be read closely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST = 4
"""Shorter words are never taken for a word with a typing error."""


@dataclass(frozen=True)
class Term:
    """A folded word; with `edits` = 1, also the words that are one typing error away."""

    word: str
    edits: int = 0


@dataclass(frozen=True)
class Needs:
    """What a text must hold: of each group at least one term; or one of the fingerprints of these words.

    A matcher that has a static method `needs` is asked for few texts only, from an index or in a sweep. It must name no more
    than what every match holds: a query whose matches may be written in other ways needs None, and every text is read.
    """

    groups: tuple[frozenset[Term], ...] = ()
    """The first is the one that fewest texts are expected to hold."""
    passage: tuple[str, ...] = ()


def all_of(words: Iterator[str] | list[str]) -> Needs | None:
    """Return the need of all these words; None if there are none."""
    distinct = sorted(set(words), key=lambda word: (-len(word), word))
    return Needs(tuple(frozenset({Term(word)}) for word in distinct)) if distinct else None


def deletions(word: str) -> set[str]:
    """Return the word and all forms with one letter removed: words that are one typing error apart share a form."""
    if len(word) < SHORTEST:
        return {word}
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
